"""ITX-1 as Triton kernels, one stage each, in integers only.  In Triton's interpreter they run without a GPU."""

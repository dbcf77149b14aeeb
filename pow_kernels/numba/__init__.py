"""The stages around the products as loops that Numba compiles into vector code; one file each."""

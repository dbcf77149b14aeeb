"""The sidecar's other half: models in, tokens out.

manifest   what a model folder holds, checked        importing  other formats to safetensors, once
service    reads and checks what is asked            roster     the engines of all models and devices
engine     what an engine must do (a Protocol)       embedded   an engine in a child process of ours
tasks      what that child is told and answers       process    the child: one model on one device
batching   which tokens are computed next (pure)     network    the model's forward over such a step
attention  keys, values, and the one door to flash-attn
sampler    logits to a token, as docs/inference.md defines it
answers    a request's text, stop strings, allowance rendering  conversations to tokens, tokens to bytes
"""

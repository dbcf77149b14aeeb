"""The sidecar's other half: models in, tokens out.

manifest    what a model folder holds, checked
importing   other formats to safetensors, once
service     reads and checks what is asked
roster      the engines of all models and devices
engine      what an engine must do (a Protocol)
embedded    an engine in a child process of ours
tasks       what that child is told and answers
process     the child: one model on one device
batching    which tokens are computed next (pure)
network     the model's forward over such a step
attention   keys, values, and the one door to flash-attn
vllm        an engine in a child process of another make
sampler     logits to a token, as docs/inference.md defines it
scoring     how far a token lies from the one that would have been drawn
answers     a request's tokens and text, stop strings, ends
rendering   conversations to tokens, tokens to bytes
"""

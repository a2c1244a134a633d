"""A real llama.cpp HTTP server in a process of its own, for the tests of the OpenAI-compatible client."""

import sys

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.n_ctx, params.n_parallel, params.n_gpu_layers, params.fit_params = 2048, 1, 0, False
params.n_batch = params.n_ubatch = 64
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.verbosity, params.ui, params.cache_ram_mib = -1, False, 0
params.api_keys = ["right-key"]
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()  # serve until the parent closes its end

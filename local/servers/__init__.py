"""The real servers that models are fetched from in tests: storage, registries, a web server that breaks off.

`install` brings their pinned programs into the cache. The classes run one server each, as a process of the test session
at this machine's address, where pods of the local cluster reach it too. Those modules import nothing of `cluster`: the
end-to-end tests have a module of that name.
"""

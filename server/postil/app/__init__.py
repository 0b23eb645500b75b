"""The application: the only place where things are constructed and handed to each other.

Files in reading order: `logs` what is written and at which level; `directory` localserve's accounts, where every address
exists; `live` the settings that change while it runs; `identities` the certificates of a configuration, and the watch over their files; `validity` which of them clients will refuse; `certs` those that
come by ACME; `caa` what CAA records say before one is ordered; `server` a server from its configuration, from the first port bound to the last session gone; `localserve` the one
for developers of mail software; `process` signals, event loop, ready.

Rules: no protocol and no SQL here. Whatever is started is entered into one exit stack, so that stopping undoes starting in
reverse order, also when starting fails half-way.
"""

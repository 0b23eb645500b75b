"""The commented configuration files that `postil config example` prints."""

EXAMPLE = """\
# Postil's configuration: the machine. A change counts after a restart. Domains are in a file of their own; accounts and
# addresses are in no file:
#   postil domain add example.org
#   postil account add alice@example.org
# Relative paths are relative to this file. `postil config check FILE` checks it.

# The machine's name: in greetings, in EHLO, in Received fields. It should resolve to this machine.
hostname = "mail.example.org"

# Mail and the control database live here. One server at a time uses it.
data = "data"

# The file with the domains whose mail ends here; `postil domain add example.org` writes it. A small set-up may have its
# [[domain]] tables in this file instead; commands do not touch those.
domains_file = "domains.toml"

# Ports. Without any [[listener]] these six are used. protocol: smtp (mail from other servers), submission (mail from
# your users), imap, http. tls: none, starttls, implicit. ips: addresses to listen on. client_keys: no, external (a program may
# log in by a TLS key registered with `postil tlskey`), preauth (imap with implicit TLS: before the greeting).
[[listener]]
name = "smtp"
protocol = "smtp"
port = 25
tls = "starttls"
ips = ["0.0.0.0", "::"]
# Name asked for in TLS: fallback, named or strict; "" is fallback for smtp and named for the others.
sni = ""
min_tls = "1.2"
tickets = false
# Load balancers that send a PROXY header, such as "192.0.2.10".
proxies = []
also = []

[[listener]]
name = "submission"
protocol = "submission"
port = 587
tls = "starttls"

[[listener]]
name = "submissions"
protocol = "submission"
port = 465
tls = "implicit"

[[listener]]
name = "imap"
protocol = "imap"
port = 143
tls = "starttls"

[[listener]]
name = "imaps"
protocol = "imap"
port = 993
tls = "implicit"
client_keys = "no"

# Start page, /healthz, /readyz, /metrics.
[[listener]]
name = "http"
protocol = "http"
port = 8080
ips = ["127.0.0.1", "::1"]

# Mail on port 443, for networks that let nothing else through.
# [[listener]]
# name = "https"
# protocol = "http"
# port = 443
# tls = "implicit"
# also = ["imap", "submission"]

# Certificate chain and key in PEM. Both empty: a self-signed pair is made and kept in `data`. The files are read again
# when they change. `names`: what the pair is shown for beside the names it holds.
[tls]
certificate = ""
key = ""
names = []

# Further certificates, for clients that ask for their names.
# [[tls.chain]]
# certificate = "other.pem"
# key = "other-key.pem"

# Certificates by ACME, ordered and renewed by themselves; repeat the tables for several authorities and certificates. Take
# the # away. directory: as the authority documents it. agree_terms: whether you agree to its terms of service. challenges: http-01
# needs an http listener on port 80, tls-alpn-01 one with tls = "implicit" on port 443, dns-01 a program (dns_hook).
#[[acme]]
#name = "example-ca"
#directory = "https://acme.example/directory"
#agree_terms = false
#contact = ["mailto:admin@example.org"]
#challenges = ["tls-alpn-01", "http-01"]
#dns_hook = []
#dns_wait = 0
#key_type = "ecdsa"
#profile = ""
#eab_kid = "your-id"
#eab_key = { file = "eab.key" }
#ca_file = ""

# Which names, from which authority; without any, the hostname from the first. keep_key: renewals keep the key, so that TLSA
# records stay right.
#[[acme_certificate]]
#names = ["mail.example.org"]
#provider = "example-ca"
#key_type = ""
#keep_key = true

[limits]
# Largest message in octets; larger ones are refused with 552 (SMTP) and TOOBIG (IMAP).
message_size = 104857600
# Recipients of one message; at least 100 (RFC 5321 section 4.5.3.1.8).
recipients = 1000
# Open connections in all, and from one address (IPv6: one /64).
connections = 5000
connections_per_ip = 100
# Below this much free disk, in octets, new mail is refused for now.
free_space = 268435456

# Wrong logins from one address (IPv6: one /64), all protocols together, before it must wait; networks around it get more.
[logins]
failures_per_minute = 10
failures_per_hour = 60
failures_per_day = 300
# Addresses and networks that never have to wait, such as the office's. What they do is written down all the same.
allow = ["127.0.0.1", "::1"]
# CRAM-MD5 for old programs; only with passwords made by `postil account app-password add --cram-md5`.
cram_md5 = false

# Resolvers in the order they are asked, such as "127.0.0.1" or "[::1]:5353"; none: those of the system. Only one on this machine
# is believed on signatures (DNSSEC).
[dns]
resolvers = []

# What IMAP clients read about the server (METADATA): whom to ask, as a URI, and a note. "": none.
[metadata]
admin = ""
comment = ""

# Entries of other products, such as "/shared/vendor/example/colour" = "blue".
[metadata.vendor]
"""

EXAMPLE_DOMAINS = """\
# The domains of a Postil. A running server takes changes over: after `postil domain …` at once, after an edit by hand within
# seconds or on SIGHUP. When something is wrong in here, the server goes on with what it had.
# `postil domain records DOMAIN` prints what to publish in the DNS.

# A domain whose mail ends here; repeat the table for more.
[[domain]]
name = "example.org"
# Login name of the account that gets postmaster@ and abuse@; "" is the oldest account.
postmaster = ""

# DKIM keys. `postil domain dkim add example.org` makes two and writes the tables [[domain.dkim.selector]]. Nothing signs yet.
[domain.dkim]
# Seconds that a new key is published before it may sign, and that an old one stays published after that.
publish_wait = 172800
retire_wait = 604800

# [[domain.dkim.selector]]
# name = "2026a"
# algorithm = "ed25519"          # or rsa
# state = "next"                 # then signing, then retiring
# since = 2026-01-31T12:00:00Z
# key = ""                       # "" is dkim/example.org/2026a.pem in the data folder

# DMARC: what others shall do with mail that only claims to be from here, and who gets reports.
[domain.dmarc]
p = "none"                       # none, quarantine, reject
# sp = "none"                    # for subdomains; as p when not given
# np = "none"                    # for subdomains that do not exist; as sp when not given
adkim = "r"                      # r, s
aspf = "r"
t = false
psd = "u"                        # y, n, u
rua = ["mailto:postmaster@example.org"]
ruf = []
fo = ["0"]

# MTA-STS: how others shall deliver to here. Serve the policy by a web server of yours, for now.
[domain.mta_sts]
mode = "testing"                 # enforce, testing, none
mx = []                          # [] is the machine's hostname
max_age = 1209600

# TLSRPT: who gets reports of TLS that failed.
[domain.tlsrpt]
rua = ["mailto:postmaster@example.org"]

# Outgoing mail: transports are ways, routes say which mail takes which. Nothing is sent yet: `postil route explain FROM TO` says what
# would be. Mail that no route fits goes direct, to the MX hosts. kind: direct, smtp, submission, lmtp, fail.
# [[transport]]
# name = "provider"
# kind = "submission"
# host = "smtp.provider.example"
# port = 0                         # 465; 587 with tls = "starttls"
# tls = ""                         # implicit, starttls, none; "" is implicit for submission, starttls for smtp
# verify = true
# user = "ann"
# password = { file = "provider.password" }
# ip = "any"                       # or "4", "6"
# from_ips = []                    # addresses of this machine to send from
# socks = ""                       # a SOCKS5 proxy, such as "127.0.0.1:1080"
# helo = ""                        # "" is the machine's hostname

# [[transport]]
# name = "store"
# kind = "lmtp"
# socket = "/run/store/lmtp"       # or host and port

# [[transport]]
# name = "closed"
# kind = "fail"
# code = 550
# status = "5.7.1"
# text = "we do not write there"

# Asked from top to bottom; the first whose conditions all hold decides. Empty lists: any.
# [[route]]
# name = "second-try"
# from_domain = []                 # domains of the sender, .example.org for all below, <> for notices
# from_account = []
# to_domain = ["example.net", ".example.net"]
# minimum_attempts = 3             # only after three attempts have failed
# transport = "provider"
"""

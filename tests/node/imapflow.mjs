// One life of a mailbox through imapflow: tests/interop/test_imapflow.py starts this, and answers each line it prints.
// Argument: a JSON object {host, port, ca, user, pass, secure, mailbox, count}. Whatever is not as it should be ends it with an error.

import assert from 'node:assert/strict';
import { createHash, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';
import { ImapFlow } from 'imapflow';

globalThis.crypto ??= webcrypto; // Node.js 18, which Debian 12 has, keeps it behind an option

const given = JSON.parse(process.argv[2]);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Tell the test where we are; it does its part and answers with a line. */
async function yours(what, facts = {}) {
    process.stdout.write(JSON.stringify({ what, ...facts }) + '\n');
    const { value, done } = await lines.next();
    assert(!done, 'the test went away');
    return JSON.parse(value);
}

function connection(more = {}) {
    const client = new ImapFlow({
        host: given.host,
        port: given.port,
        secure: given.secure,
        doSTARTTLS: !given.secure,
        servername: 'localhost',
        tls: { ca: given.ca ? [readFileSync(given.ca)] : undefined },
        auth: { user: given.user, pass: given.pass },
        qresync: true,
        logger: false,
        disableAutoIdle: true,
        ...more,
    });
    client.on('error', (error) => {
        throw error;
    });
    return client;
}

const numbers = (set) => [...set].sort((a, b) => a - b);

async function filled(client) {
    const box = client.mailbox;
    assert.equal(box.exists, given.count);
    const digests = [];
    for await (const one of client.fetch('1:*', {
        uid: true, flags: true, envelope: true, bodyStructure: true, internalDate: true, size: true, source: true, threadId: true,
    })) {
        assert.equal(one.source.length, one.size);
        assert(one.envelope.messageId && one.bodyStructure.type && one.emailId && one.modseq);
        digests.push(createHash('sha256').update(one.source).digest('hex'));
    }
    const { bodyStructure, uid } = await client.fetchOne('4', { bodyStructure: true, uid: true });
    assert.equal(bodyStructure.type, 'multipart/alternative');
    const { content } = await client.download(String(uid), '1', { uid: true });
    const text = [];
    for await (const piece of content) text.push(piece);
    return { digests, part: Buffer.concat(text).toString() };
}

async function searched(client) {
    const all = await client.search({ all: true }, { uid: true });
    assert.equal(all.length, given.count);
    return {
        rare: numbers(await client.search({ from: 'alice@rare.example' })),
        subject: numbers(await client.search({ subject: 'quarterly' })),
        either: numbers(await client.search({ or: [{ subject: 'quarterly' }, { from: 'rare.example' }], not: { seq: '1:100' } })),
        body: numbers(await client.search({ body: given.needle })),
        counted: await client.search({ subject: 'quarterly' }, { returnOptions: ['MIN', 'MAX', 'COUNT'] }),
        page: await client.search({ all: true }, { returnOptions: [{ partial: '-1:-10' }] }),
    };
}

async function changed(client) {
    const source = 'From: a@localhost\r\nSubject: =?utf-8?q?gr=C3=BCn?=\r\n\r\nappended\r\n';
    const appended = await client.append(given.mailbox, source, ['\\Flagged', '$Forwarded'], new Date('2020-02-03T04:05:06Z'));
    assert.equal(appended.uidValidity, client.mailbox.uidValidity);
    const uid = String(appended.uid);
    const one = await client.fetchOne(uid, { source: true, flags: true, internalDate: true, envelope: true }, { uid: true });
    assert.equal(one.source.toString(), source);
    assert.equal(one.envelope.subject, 'grün');
    assert.equal(one.internalDate.toISOString(), '2020-02-03T04:05:06.000Z');
    assert(one.flags.has('\\Flagged') && one.flags.has('$Forwarded'));

    assert(await client.messageFlagsAdd('1:5', ['\\Seen']));
    assert(await client.messageFlagsRemove(uid, ['\\Flagged'], { uid: true }));
    assert(await client.messageFlagsSet('6', ['\\Answered', 'own']));
    const six = await client.fetchOne('6', { flags: true });
    assert.deepEqual(new Set([...six.flags].filter((flag) => flag !== '\\Recent')), new Set(['\\Answered', 'own']));
    // somebody was quicker (RFC 7162): nothing is changed
    await client.messageFlagsAdd('6', ['late'], { unchangedSince: six.modseq - 1n });
    assert(!(await client.fetchOne('6', { flags: true })).flags.has('late'));

    const copied = await client.messageCopy('7:8', 'Archive');
    assert.equal(copied.uidMap.size, 2);
    const moved = await client.messageMove(`${uid},9`, 'Archive', { uid: true });
    assert.equal(moved.uidMap.size, 2);
    assert.equal(client.mailbox.exists, given.count - 1);
    assert(await client.messageDelete('10', { uid: true }));
    assert.equal(client.mailbox.exists, given.count - 2);
    const status = await client.status('Archive', { messages: true, unseen: true, uidNext: true, highestModseq: true });
    assert.equal(status.messages, 4);
    return { archive: [...copied.uidMap.values(), ...moved.uidMap.values()] };
}

/** What happened while the mailbox was closed comes with SELECT (QRESYNC). */
async function resynchronised(client) {
    const { highestModseq, uidValidity, path } = client.mailbox;
    await client.mailboxClose();
    await yours('closed');
    const flags = [], gone = [];
    const hear = { flags: (event) => flags.push([event.uid, [...event.flags]]), expunge: (event) => gone.push([event.uid, event.vanished, event.earlier]) };
    for (const [name, listener] of Object.entries(hear)) client.on(name, listener);
    const box = await client.mailboxOpen(path, { changedSince: highestModseq, uidValidity });
    for (const [name, listener] of Object.entries(hear)) client.off(name, listener);
    assert(box.highestModseq > highestModseq);
    return { flags, gone };
}

/** A delivery, a change of flags and an expunge, each heard while nothing is asked for. */
async function idled(client) {
    await client.mailboxOpen('INBOX');
    const before = client.mailbox.exists;
    const idling = client.idle();
    const heard = Promise.all([once(client, 'exists'), once(client, 'flags'), once(client, 'expunge')]);
    await yours('idling');
    const [[exists], [flags], [gone]] = await heard;
    assert.equal(exists.count, before + 1);
    assert(flags.flags.has('\\Flagged'));
    assert.equal(gone.vanished, true);
    await client.noop(); // ends IDLE
    await idling;
}

async function mailboxes(client) {
    const name = 'Entwürfe & 書類';
    await client.mailboxCreate([name, 'été']);
    await client.mailboxRename([name, 'été'], [name, 'hiver']);
    const paths = (await client.list({ statusQuery: { messages: true, unseen: true, size: true } })).map((box) => {
        assert.equal(typeof box.status?.messages, box.flags.has('\\Noselect') || box.flags.has('\\NonExistent') ? 'undefined' : 'number', box.path);
        return box.path;
    });
    assert(paths.includes(`${name}/hiver`) && !paths.includes(`${name}/été`));
    const special = Object.fromEntries((await client.list()).filter((box) => box.specialUse).map((box) => [box.specialUse, box.path]));
    for (const use of ['\\Drafts', '\\Sent', '\\Trash', '\\Junk', '\\Archive', '\\Inbox']) assert(special[use], use);
    assert(await client.mailboxUnsubscribe([name, 'hiver']));
    await client.mailboxDelete([name, 'hiver']);
    await assert.rejects(client.mailboxOpen([name, 'hiver']), (error) => error.mailboxMissing === true);
    await assert.rejects(client.mailboxCreate('a//b'));
    assert.equal((await client.mailboxCreate('INBOX')).created, false);
    await assert.rejects(client.status('no such mailbox', { messages: true }), (error) => error.code === 'NotFound');
    return { quota: await client.getQuota('INBOX') };
}

const refused = connection({ tls: {} });
await assert.rejects(refused.connect(), /self-signed|unable to verify/, 'a certificate of nobody knows whom');
await assert.rejects(connection({ auth: { user: given.user, pass: 'wrong' } }).connect(), (error) => error.authenticationFailed === true);

const client = connection();
await client.connect();
assert(client.tls.authorized && client.secureConnection);
const enabled = [...client.enabled].sort();
await client.mailboxCreate(given.mailbox);
await yours('created', { version: ImapFlow.version, enabled });
await client.mailboxOpen(given.mailbox);
await yours('fetched', await filled(client));
await yours('searched', await searched(client));
await yours('changed', await changed(client));
await yours('resynchronised', await resynchronised(client));
await idled(client);
await yours('mailboxes', await mailboxes(client));
const traffic = client.stats();
await client.logout();
await yours('done', { traffic });
process.exit(0);

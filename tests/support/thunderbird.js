// What tests/support/thunderbird.py calls inside Thunderbird: each function does one thing the way the program's own code does it.

const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { MailUtils } = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");
const { setTimeout } = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");

const bare = (id) => id.replace(/^<|>$/g, "");

const overrides = () => Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService);

/** This one certificate is accepted for this host and port, as the button of the warning does. */
function trust(base64, host, port) {
  const certificate = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).constructX509FromBase64(base64);
  overrides().rememberValidityOverride(host, port, {}, certificate, false);
}

/** It is no longer, and connections are made anew. */
function distrust(host, port) {
  overrides().clearValidityOverride(host, port, {});
  server().closeCachedConnections();
}

async function remember(scheme, host, login, password) {
  const info = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
  info.init(`${scheme}://${host}`, null, `${scheme}://${host}`, login, password, "", "");
  await Services.logins.addLoginAsync(info);
}

async function addAccount(login, password, host, imapPort, smtpPort) {
  await remember("imap", host, login, password);
  await remember("smtp", host, login, password);
  const server = MailServices.accounts.createIncomingServer(login, host, "imap");
  server.port = imapPort;
  server.socketType = Ci.nsMsgSocketType.SSL;
  server.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
  const outgoing = MailServices.outgoingServer.createServer("smtp");
  const smtp = outgoing.QueryInterface(Ci.nsISmtpServer);
  smtp.hostname = host;
  smtp.port = smtpPort;
  outgoing.socketType = Ci.nsMsgSocketType.SSL;
  outgoing.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
  outgoing.username = login;
  const identity = MailServices.accounts.createIdentity();
  identity.email = login;
  identity.fullName = "Postil";
  identity.smtpServerKey = outgoing.key;
  const account = MailServices.accounts.createAccount();
  account.addIdentity(identity);
  account.incomingServer = server;
  MailServices.accounts.defaultAccount = account;
}

const server = () => MailServices.accounts.allServers.find((one) => one.type == "imap");

function folder(path) {
  let found = server().rootFolder;
  for (const name of path.split("/")) {
    found = found.getChildNamed(name);
  }
  return found.QueryInterface(Ci.nsIMsgImapMailFolder);
}

const paths = () => server().rootFolder.descendants.map((one) => decodeURI(one.URI.split("/").slice(3).join("/")));

const header = (where, id) => {
  const found = where.msgDatabase.getMsgHdrForMessageID(bare(id));
  if (!found) {
    throw new Error(`${id} is not in ${where.name}`);
  }
  return found;
};

function succeeded(status, what) {
  if (!Components.isSuccessCode(status)) {
    throw new Error(`${what}: 0x${status.toString(16)}`);
  }
}

/** Wait until `holds`; nothing tells when a folder's database has settled, so it is looked at again and again. */
async function until(holds, what) {
  for (let left = 1000; left; left--) {
    const value = await holds();
    if (value) {
      return value;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`did not come about: ${what}`);
}

const listening = (start, what) =>
  new Promise((resolve, reject) => {
    start({
      QueryInterface: ChromeUtils.generateQI(["nsIUrlListener", "nsIMsgCopyServiceListener"]),
      OnStartRunningUrl() {},
      OnStopRunningUrl: (url, status) => finish(status),
      onStartCopy() {},
      onProgress() {},
      setMessageKey() {},
      getMessageId: () => null,
      onStopCopy: (status) => finish(status),
    });
    const finish = (status) => (Components.isSuccessCode(status) ? resolve() : reject(new Error(`${what}: 0x${status.toString(16)}`)));
  });

/** What the server's attributes of special use made of the folders. */
const uses = () =>
  Object.fromEntries(
    ["Inbox", "SentMail", "Drafts", "Trash", "Junk", "Archive"].map((use) => [
      use,
      server().rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags[use])?.name,
    ])
  );

const update = (path) => listening((listener) => folder(path).updateFolderWithListener(null, listener), `update ${path}`);

const messages = (path) =>
  [...folder(path).messages].map((one) => ({
    uid: one.messageKey,
    id: one.messageId,
    subject: one.mime2DecodedSubject,
    read: one.isRead,
    flagged: one.isFlagged,
    keywords: one.getStringProperty("keywords"),
    offline: Boolean(one.flags & Ci.nsMsgMessageFlags.Offline),
  }));

const look = (path) => folder(path).updateFolder(null);

/** Look into the folder until it has so many messages, as choosing it does; again now and then, since a busy folder does not look. */
async function holds(path, count) {
  let looks = 0;
  await until(() => {
    if (looks++ % 60 == 0) {
      look(path);
    }
    return [...folder(path).messages].length == count;
  }, `${count} messages in ${path}`);
}

/** Choose the folder and the message in the window; what the message pane shows. */
async function open(path, id) {
  const about = Services.wm.getMostRecentWindow("mail:3pane").document.getElementById("tabmail").currentAbout3Pane;
  const where = folder(path);
  about.displayFolder(where.URI);
  await until(() => about.gDBView?.rowCount == [...where.messages].length, "the list of messages");
  about.threadTree.selectedIndex = about.gDBView.findIndexOfMsgHdr(header(where, id), true);
  const shown = () => about.messageBrowser.contentWindow?.getMessagePaneBrowser?.()?.contentDocument;
  const text = await until(() => shown()?.URL.startsWith("imap:") && shown().body?.textContent, "the message");
  await until(() => header(where, id).isRead, "the mark that it was read");
  return text;
}

const move = (from, ids, to) =>
  listening((listener) => {
    const all = ids.map((id) => header(folder(from), id));
    MailServices.copy.copyMessages(folder(from), all, folder(to), true, listener, null, false);
  }, `move to ${to}`);

const remove = (path, ids) =>
  listening((listener) => {
    const where = folder(path);
    where.deleteMessages(ids.map((id) => header(where, id)), null, false, false, listener, false);
  }, `delete from ${path}`);

function mark(path, ids, { read, flagged, tag }) {
  const where = folder(path);
  const all = ids.map((id) => header(where, id));
  if (read !== undefined) where.markMessagesRead(all, read);
  if (flagged !== undefined) where.markMessagesFlagged(all, flagged);
  if (tag !== undefined) where.addKeywordsToMessages(all, tag);
}

/** What the server finds: `terms` are pairs of an attribute of nsMsgSearchAttrib and a value, all of which must match. */
function search(path, terms) {
  const session = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession);
  session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, folder(path));
  for (const [attribute, value] of terms) {
    const term = session.createTerm();
    const wanted = term.value;
    wanted.attrib = term.attrib = Ci.nsMsgSearchAttrib[attribute];
    wanted.str = value;
    term.value = wanted;
    term.op = Ci.nsMsgSearchOp.Contains;
    term.booleanAnd = true;
    session.appendTerm(term);
  }
  return new Promise((resolve, reject) => {
    const found = [];
    session.registerListener({
      QueryInterface: ChromeUtils.generateQI(["nsIMsgSearchNotify"]),
      onNewSearch() {},
      onSearchHit: (one) => found.push(one.messageId),
      onSearchDone: (status) => (Components.isSuccessCode(status) ? resolve(found) : reject(new Error(`search: 0x${status.toString(16)}`))),
    });
    session.search(null);
  });
}

function makeFolder(parent, name) {
  (parent ? folder(parent) : server().rootFolder).createSubfolder(name, null);
  return until(() => paths().includes(parent ? `${parent}/${name}` : name), `the folder ${name}`);
}

async function renameFolder(path, name) {
  folder(path).rename(name, null);
  const renamed = [...path.split("/").slice(0, -1), name].join("/");
  await until(() => paths().includes(renamed) && !paths().includes(path), `the folder ${renamed}`);
}

/** As the menu does it: the first time a folder goes to the trash, the second time it is gone. */
async function removeFolder(path) {
  folder(path).deleteSelf(null);
  await until(() => !paths().includes(path), `the end of the folder ${path}`);
}
const emptyTrash = () => listening((listener) => folder("Trash").emptyTrash(listener), "empty the trash");

/** Send by submission; a copy goes to the folder of sent mail, by APPEND. Or keep a draft. */
async function write(to, subject, body, draft = false) {
  const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
  const account = MailServices.accounts.defaultAccount;
  Object.assign(fields, { from: account.defaultIdentity.email, to, subject });
  const sending = Cc["@mozilla.org/messengercompose/send;1"].createInstance(Ci.nsIMsgSend);
  await new Promise((resolve, reject) => {
    const end = (what, status) => (Components.isSuccessCode(status) ? resolve() : reject(new Error(`${what}: 0x${status.toString(16)}`)));
    const listener = {
      QueryInterface: ChromeUtils.generateQI(["nsIMsgSendListener", "nsIMsgCopyServiceListener"]),
      onStartSending() {},
      onSendProgress() {},
      onStatus() {},
      onGetDraftFolderURI() {},
      onSendNotPerformed: (id, status) => reject(new Error(`not sent: 0x${status.toString(16)}`)),
      onTransportSecurityError: (id, status) => reject(new Error(`not sent: 0x${status.toString(16)}`)),
      onStopSending: (id, status) => Components.isSuccessCode(status) || end("sending", status),
      onStartCopy() {},
      onProgress() {},
      setMessageKey() {},
      getMessageId: () => null,
      onStopCopy: (status) => end("the copy", status),
    };
    const mode = draft ? Ci.nsIMsgCompDeliverMode.SaveAsDraft : Ci.nsIMsgCompDeliverMode.Now;
    sending.createAndSendMessage(null, account.defaultIdentity, account.key, fields, false, false, mode, null,
      "text/plain", body, null, null, listener, "", null, Ci.nsIMsgCompType.New);
  });
}

const offline = (path, count) => until(() => messages(path).filter((one) => one.offline).length == count, `${count} whole messages in ${path}`);
const arrived = (path, id) => until(() => Boolean(folder(path).msgDatabase.getMsgHdrForMessageID(id)), `${id} in ${path}`);
const gone = (path, id) => until(() => !folder(path).msgDatabase.getMsgHdrForMessageID(id), `the end of ${id}`);
const marked = (path, id, tag) => until(() => messages(path).some((one) => one.id == id && one.flagged && one.keywords.includes(tag)), `${tag} at ${id}`);

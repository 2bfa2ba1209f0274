import { expect } from "chai";
import { startFailure } from "../../../../components/embedded/start-failure.js";

const ATTEMPT = { kind: "mongod", folder: "/data/mongo", port: 27017 } as const;

function messageFor(...log: readonly string[]): string {
  return startFailure(ATTEMPT, { code: 48, signal: null, log }).message;
}

describe("startFailure", () => {
  it("names the port that is taken", () => {
    const line = { s: "E", msg: "Error setting up listener", attr: { error: { errmsg: "Address already in use" } } };
    expect(messageFor(JSON.stringify(line))).to.match(/^mongod cannot start on port 27017: the port is taken\n {2}fix: {2}end what/);
  });

  it("names the folder that another mongod works on", () => {
    const error = "DBPathInUse: Unable to lock the lock file: /data/mongo/mongod.lock";
    expect(messageFor(JSON.stringify({ s: "E", msg: "terminating", attr: { error } }))).to.include(
      'mongod cannot start: another mongod works on "/data/mongo"\n',
    );
  });

  it("says that the disk is full", () => {
    expect(messageFor('{"s":"E","msg":"WiredTiger error","attr":{"message":"write: No space left on device"}}')).to.include(
      'the disk of "/data/mongo" is full',
    );
  });

  it("says that the folder cannot be written, also where its supervisor could not", () => {
    const { message } = startFailure(ATTEMPT, { error: "EACCES: permission denied, open '/data/mongo/server.log'", log: [] });
    expect(message).to.include('"/data/mongo" cannot be written by this user');
    expect(messageFor("# Can't chdir: Permission denied")).to.include('"/data/mongo" cannot be written by this user');
  });

  it("says that the data is of another version", () => {
    expect(messageFor("# Can't handle RDB format version 11")).to.include('the data in "/data/mongo" is of another version');
  });

  it("shows mongod's errors and leaves out its chatter", () => {
    const chatter = Array.from({ length: 20 }, (_, n) => JSON.stringify({ s: "I", msg: `chatter ${n}` }));
    const message = messageFor(...chatter, '{"s":"F","msg":"Fatal assertion","attr":{"msgid":1}}', ...chatter);
    expect(message).to.include('did not start on "/data/mongo": it ended with exit code 48');
    expect(message).to.include('log: Fatal assertion {"msgid":1}');
    expect(message).not.to.include("chatter");
  });

  it("shows the last lines where none is marked as an error", () => {
    const message = startFailure(ATTEMPT, { code: null, signal: "SIGKILL", log: ["one", "two", "three", "four", "five", "six"] }).message;
    expect(message)
      .to.include("it was ended by SIGKILL")
      .and.to.match(/log: two\n.*log: three\n.*log: four\n.*log: five\n.*log: six$/s);
  });
});

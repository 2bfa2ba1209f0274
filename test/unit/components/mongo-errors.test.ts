/** What can be said of the settings of a connection to MongoDB without a server. */
import { expect } from "chai";
import { mongoConnection } from "../../../components/mongo-connection.js";
import { expectedDatabase, expectedDatabaseIn } from "../../../components/mongo-errors.js";
import { redisConnection } from "../../../components/redis-connection.js";
import { system } from "../../../lib/index.js";

const problems = (...overrides: string[]) =>
  system(mongoConnection(), redisConnection())
    .check({ overrides, environment: {} })
    .map(({ message }) => message);

describe("the name of a database", () => {
  it("is read from behind the hosts of a uri, as the driver reads it", () => {
    for (const uri of [
      "mongodb://a:1,b:2",
      "mongodb://a/",
      "mongodb://a/?x=a.b",
      "mongodb+srv://a/shop?x=1",
      "mongodb://a/$external",
      "embedded:a.b/c",
    ]) {
      expect(expectedDatabaseIn(uri), uri).to.equal(undefined);
    }
    expect(expectedDatabaseIn("mongodb+srv://me:pw@a:1,b:2/my%2Edb?x=1")).to.match(/^another database than "my\.db": /);
    expect(expectedDatabaseIn("mongodb://a/50%")).to.equal('another database than "50%": its percent-encoding cannot be read');
    expect(expectedDatabase("50%")).to.equal(undefined);
  });

  it("has at most 63 bytes", () => {
    expect(expectedDatabase("é".repeat(31))).to.equal(undefined);
    expect(expectedDatabase("é".repeat(32))).to.match(/: its name has more than 63 bytes$/);
  });
});

describe("the check of a system with connections", () => {
  it("blames the database for its name, wherever that stands", () => {
    expect(problems("mongo/uri=mongodb://host/my.db", "mongo/database=a b")).to.deep.equal([
      `mongo/uri = "mongodb://host/my.db" (override 1): expected another database than "my.db": its name has one of / \\ . " $ or a space`,
      `mongo/database = "a b" (override 2): expected another database than "a b": its name has one of / \\ . " $ or a space`,
    ]);
  });

  it("names addresses of a wrong form and deadlines that are none, without their passwords, and starts nothing", () => {
    expect(problems("mongo/uri=foo", "redis/uri=bob:geheim@host", "mongo/timeout-ms=0", "redis/timeout-ms=0 s")).to.deep.equal([
      'mongo/uri = "foo" (override 1): expected mongodb://<host>, mongodb+srv://<host>, embedded: or embedded:<folder>',
      'mongo/timeout-ms = "0" (override 3): expected a duration above 0',
      'redis/uri = "••••@host" (override 2): expected redis://<host>, rediss://<host>, embedded: or embedded:<folder>',
      'redis/timeout-ms = "0 s" (override 4): expected a duration above 0',
    ]);
    expect(problems("mongo/uri=mongodb://host/shop", "redis/uri=embedded:")).to.deep.equal([]);
  });
});

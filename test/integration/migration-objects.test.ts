/** Data migrations with a driver that takes no documents as bytes: to the same bytes in the end. */
import { expect } from "chai";
import { Collection, type UnorderedBulkOperation } from "mongodb";
import type { MigrationReport } from "../../components/migration/index.js";
import { migrate } from "../support/data-migration.js";
import { CASES, NAME } from "../support/migration-cases.js";
import { MigrationSite } from "../support/migration-site.js";

const COUNT = 600;
const SETTINGS = ["chunk=50", "ranges=4", "skip-limit=100%"];

const ended = ({ run, counts, error }: MigrationReport) => ({
  signal: null,
  open: [],
  report: { run, counts, isDoneBefore: false, ...(error === undefined ? {} : { error: String(error) }) },
});

describe("a data migration with a driver that takes no bytes", () => {
  const { initializeUnorderedBulkOp } = Collection.prototype;
  let site: MigrationSite;
  let bulks = 0;
  beforeEach(() => {
    bulks = 0;
    // What the bytes would be put into is not to be found, as in a driver that keeps it elsewhere.
    Collection.prototype.initializeUnorderedBulkOp = function (this: Collection, options): UnorderedBulkOperation {
      bulks++;
      return Object.defineProperty(initializeUnorderedBulkOp.call(this, options), "batches", { get: () => [] });
    };
  });
  afterEach(async () => {
    Collection.prototype.initializeUnorderedBulkOp = initializeUnorderedBulkOp;
    await site.close();
  });

  for (const [name, { migration, isInPlace, isInServer }] of Object.entries(CASES)) {
    it(`by ${name}: makes the same documents${isInPlace ? "" : ", also where it replaces them in another run"}`, async () => {
      site = await MigrationSite.open(name, COUNT);
      const { report } = await migrate(migration, NAME, site.db.databaseName, { settings: SETTINGS });
      await site.expectDone(ended(report));
      // Inside the server, documents are only sent where a range is done again.
      expect(bulks > 1 || isInServer).to.equal(true);
      if (isInPlace) return;
      await Promise.all(["ranges", "deadLetters"].map((one) => site.db.collection(`_millrace.${one}`).deleteMany({})));
      const again = await migrate(migration, NAME, site.db.databaseName, { settings: [...SETTINGS, "reset=true"] });
      await site.db.collection("_millrace.runs").deleteOne({ "_id.number": 1 });
      await site.expectDone(ended(again.report));
    });
  }
});

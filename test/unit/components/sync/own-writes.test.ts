/** What the process knows of its own writes: a hint or an event is passed over once, and never that of another. */
import { expect } from "chai";
import { Echoes } from "../../../../components/sync/echoes.js";
import { LaterLooks } from "../../../../components/sync/later-looks.js";
import { OwnWrites } from "../../../../components/sync/own-writes.js";

describe("own writes in Redis", () => {
  it("explain one hint each, and only theirs", () => {
    const writes = new OwnWrites();
    writes.add(["ada", "grace"]);
    expect(["ada", "ada", "linus", "grace"].map((id) => writes.take(id))).to.eql([true, false, false, true]);
  });

  it("explain none where nothing was written after all", () => {
    const writes = new OwnWrites();
    writes.add(["ada"]);
    writes.drop("ada");
    expect(writes.take("ada")).to.equal(false);
  });
});

describe("later looks", () => {
  const looked = async (add: (looks: LaterLooks) => Promise<void>, count: number): Promise<readonly string[]> => {
    const seen: string[] = [];
    const stopping = new AbortController();
    await new Promise<void>((resolve) => {
      const look = async (ids: readonly string[]) => {
        seen.push(...ids);
        if (seen.length >= count) resolve();
      };
      void add(new LaterLooks({ writes: new OwnWrites(), look, signal: stopping.signal }));
    });
    stopping.abort();
    return seen;
  };

  it("are made of every id, once for all that it was given before", async () => {
    const ids = Array.from({ length: 2_500 }, (_, index) => `id-${index}`);
    const seen = await looked(async (looks) => {
      await looks.add(ids);
      await looks.add(ids);
    }, ids.length);
    expect(seen).to.eql(ids);
  });

  it("are made again of an id that is given again", async () => {
    const seen = await looked(async (looks) => {
      await looks.add(["ada"]);
      setTimeout(() => void looks.add(["ada"]), 300);
    }, 2);
    expect(seen).to.eql(["ada", "ada"]);
  });

  it("leave out what somebody else looks at", async () => {
    const seen = await looked(async (looks) => {
      await looks.add(["ada", "grace"]);
      looks.drop(["ada"]);
    }, 1);
    expect(seen).to.eql(["grace"]);
  });
});

describe("echoes from MongoDB", () => {
  it("are those of the version that was written, once", () => {
    const echoes = new Echoes();
    echoes.add("ada", "v1");
    echoes.add("ada", "v2");
    expect(["v1", "v1", "v3", "v2"].map((v) => echoes.take("ada", v))).to.eql([true, false, false, true]);
  });

  it("are none where nothing was written, or the stream has begun since", () => {
    const echoes = new Echoes();
    echoes.add("ada", "v1");
    echoes.drop("ada", "v1");
    expect(echoes.take("ada", "v1")).to.equal(false);
    echoes.add("ada", "v2");
    echoes.clear();
    expect(echoes.take("ada", "v2")).to.equal(false);
  });
});

/** What the process knows of its own writes: a hint or an event is passed over once, and never that of another. */
import { expect } from "chai";
import { Echoes } from "../../../../components/sync/echoes.js";
import { LaterLooks } from "../../../../components/sync/later-looks.js";
import { OwnWrites } from "../../../../components/sync/own-writes.js";
import { gate } from "../../../support/gate.js";

describe("own writes in Redis", () => {
  it("explain one hint each, and only theirs", () => {
    const writes = new OwnWrites();
    const { write } = writes.add(["ada", "grace"]);
    expect(["ada", "ada", "linus", "grace"].map((id) => writes.take(id))).to.eql([write, undefined, undefined, write]);
  });

  it("explain none where nothing was written after all", () => {
    const writes = new OwnWrites();
    writes.add(["ada"]);
    writes.drop("ada");
    expect(writes.take("ada")).to.equal(undefined);
  });

  it("are alone where nothing else was counted until one that was sent behind their answer", () => {
    const writes = new OwnWrites();
    const [first, second] = [writes.add(["ada"]), writes.add(["grace"])];
    first.done("0", "2");
    second.done("2", "4");
    // Redis may have had both at once, and somebody else's write behind them.
    expect([first.write.isAlone, second.write.isAlone]).to.eql([false, false]);
    const [third, fourth] = [writes.add(["linus"]), writes.add(["ken"])];
    third.done("4", "6");
    fourth.done("6", "8");
    expect([first, second, third, fourth].map(({ write }) => write.isAlone)).to.eql([true, true, false, false]);
  });

  it("are not alone where something else was counted, or nothing is said of it", () => {
    for (const [before, after] of [
      ["3", "5"],
      ["", ""],
    ] as const) {
      const writes = new OwnWrites();
      const first = writes.add(["ada"]);
      first.done(before === "" ? "" : "0", before === "" ? "" : "2");
      const second = writes.add(["grace"]);
      second.done(before, after);
      writes.add(["linus"]).done(after, "7");
      expect([first.write.isAlone, second.write.isAlone]).to.eql([false, before !== ""]);
    }
  });
});

describe("later looks", () => {
  const looked = async (add: (looks: LaterLooks) => void, count: number): Promise<readonly string[]> => {
    const seen: string[] = [];
    const stopping = new AbortController();
    await new Promise<void>((resolve) => {
      const look = async (ids: readonly string[]) => {
        seen.push(...ids);
        if (seen.length >= count) resolve();
      };
      add(new LaterLooks({ writes: new OwnWrites(), look, signal: stopping.signal }));
    });
    stopping.abort();
    return seen;
  };

  const addOthers = (looks: LaterLooks, ...ids: readonly string[]) => {
    for (const id of ids) looks.add(id, { isAlone: false });
  };

  it("are made of every id, once for all that it was given before", async () => {
    const ids = Array.from({ length: 2_500 }, (_, index) => `id-${index}`);
    const seen = await looked((looks) => addOthers(looks, ...ids, ...ids), ids.length);
    expect(seen).to.eql(ids);
  });

  it("are made again of an id that is given again", async () => {
    const seen = await looked((looks) => {
      addOthers(looks, "ada");
      setTimeout(() => addOthers(looks, "ada"), 300);
    }, 2);
    expect(seen).to.eql(["ada", "ada"]);
  });

  it("leave out what nobody else can have written by then", async () => {
    const write = { isAlone: false };
    const seen = await looked((looks) => {
      looks.add("ada", write);
      addOthers(looks, "grace");
      write.isAlone = true;
    }, 1);
    expect(seen).to.eql(["grace"]);
  });

  it("are refused where too many wait, and others are being looked at", () => {
    const stopping = new AbortController();
    const looks = new LaterLooks({ writes: new OwnWrites(), look: () => gate().promise, signal: stopping.signal });
    const write = { isAlone: false };
    const counts = [false, true].map((isFull) => {
      let count = 0;
      while (count < 200_000 && looks.add(`${isFull}-${count}`, write)) count++;
      return count;
    });
    stopping.abort();
    expect(counts).to.eql([100_000, 0]);
  });

  it("leave out what somebody else looks at", async () => {
    const seen = await looked((looks) => {
      addOthers(looks, "ada", "grace");
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

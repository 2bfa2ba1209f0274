import { component, key, run, system } from "millrace";

const Wheel = key<{ turns: number }>()("wheel");
const Mill = key<{ grind(grain: string): string }>()("mill");

const wheel = component(Wheel, { start: () => ({ turns: 3 }), stop: () => console.log("the wheel rests") });
const mill = component(Mill, {
  needs: { wheel: Wheel },
  start: ({ wheel }) => ({ grind: (grain) => `${grain}, ground in ${wheel.turns} turns` }),
  stop: () => console.log("the mill is swept"),
});
await run(system(mill, wheel), { name: "quick-start", main: (running) => console.log(running.get(Mill).grind("rye")) });

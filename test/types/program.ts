/** What the compiler says of a program. */
import { component, key, run, system, System } from "../../lib/index.js";

const Wheel = key<{ turns: number }>()("wheel");
const Mill = key<{ grinds: boolean }>()("mill");
const wheel = component(Wheel, { start: () => ({ turns: 3 }) });
const mill = component(Mill, { needs: { wheel: Wheel }, start: () => ({ grinds: true }) });

export const programs = [
  () => run(system(mill, wheel), { name: "whole" }),
  () => run(System.of([mill]), { name: "known at run time" }),
  () =>
    run(({ fast }) => (fast ? system(mill, wheel) : system(wheel)), { name: "by options", options: { fast: { doc: "without the mill" } } }),
  // @ts-expect-error missing component: wheel
  () => run(system(mill), { name: "without its wheel" }),
];

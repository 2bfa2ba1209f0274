/** Nest: global modules of up to a thousand asynchronous factories, whose values have `onModuleDestroy`. */
import "reflect-metadata";
import type { Declare } from "../contender.js";
import { peer } from "../peer.js";

interface Provider {
  readonly provide: string;
  readonly inject: readonly (string | undefined)[];
  useFactory(): Promise<object>;
}

interface Metadata {
  readonly imports?: readonly object[];
  readonly providers?: readonly Provider[];
  readonly exports?: readonly string[];
}

const { Global, Module } = peer<{
  Global(): (target: object) => void;
  Module(metadata: Metadata): (target: object) => void;
}>("@nestjs/common");
const { NestFactory } = peer<{
  readonly NestFactory: {
    createApplicationContext(
      module: object,
      options: { readonly logger: false; readonly abortOnError: false },
    ): Promise<{ close(): Promise<void> }>;
  };
}>("@nestjs/core");

/** One module of 10,000 providers overflows the stack. */
const MODULE_SIZE = 1_000;

export const declare: Declare = (graph) => {
  const providers = graph.map(({ name, needs, start, stop }) => ({
    provide: name,
    inject: needs.map((need) => graph[need]?.name),
    useFactory: async () => ({ ...(await start()), onModuleDestroy: stop }),
  }));
  const imports: object[] = [];
  for (let from = 0; from < providers.length; from += MODULE_SIZE) {
    imports.push(moduleOf(providers.slice(from, from + MODULE_SIZE)));
  }
  class Application {}
  Module({ imports })(Application);
  return async () => {
    const context = await NestFactory.createApplicationContext(Application, { logger: false, abortOnError: false });
    return () => context.close();
  };
};

function moduleOf(providers: readonly Provider[]): object {
  class Part {}
  Global()(Part);
  Module({ providers, exports: providers.map(({ provide }) => provide) })(Part);
  return Part;
}

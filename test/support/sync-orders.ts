/** What the program of syncs is told to do. */

/** One collection that is kept equal with the keys under a prefix. */
export interface SyncedCollection {
  readonly name: string;
  readonly prefix: string;
  /** the field that is the id */
  readonly id: string;
}

export interface SyncOrders {
  readonly mongo: string;
  readonly redis: string;
  readonly database: string;
  readonly collections: readonly SyncedCollection[];
  /** of every sync, as in `reconcile-every=2 s` */
  readonly settings: readonly string[];
  /** how far its clock is ahead, in ms */
  readonly aheadMs: number;
}

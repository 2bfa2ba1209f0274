/** Imports tsyringe with reflect-metadata and says how long that took. */
import "reflect-metadata";
import "tsyringe";
import { sinceBootstrap } from "./since-bootstrap.js";

console.log(sinceBootstrap());

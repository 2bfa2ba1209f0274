/** Components that belong to no store: the configuration and the status board. */
export { Config, configuration } from "./config.js";
export { StatusBoard, statusBoard } from "./status-board.js";

/** What the routes take and answer, for /openapi.json. */
import { NAMES, type Store } from "./stores.js";

const TEXT = { type: "string", minLength: 1 };
const UID = { type: "string", examples: ["0199b1c2-7d3e-7a41-9c55-2f1d3b6a8e90"] };
const FIELDS = { name: { ...TEXT, examples: ["Ada Lovelace"] }, address: { ...TEXT, examples: ["12 Mill Lane, Springfield"] } };
const STORED = { name: { type: "string" }, address: { type: "string" } };

const object = (properties: object) => ({ type: "object", required: Object.keys(properties), additionalProperties: false, properties });
const answer = (description: string, properties: object) => ({ description, ...object(properties) });
const refusal = (description: string) =>
  answer(description, { statusCode: { type: "integer" }, error: { type: "string" }, message: { type: "string" } });

const BODY = object(FIELDS);
const CUSTOMER = { uid: UID, ...STORED };
const MESSAGE = { message: { type: "string" } };
const PARAMS = object({ uid: UID });

/** Of each route of one version. */
export function descriptions(version: string, store: Store) {
  const name = NAMES[store];
  const tags = [`${version}: ${name}`];
  const down = { 503: refusal(`${name} does not answer; the other version goes on`) };
  const unknown = { 404: refusal("There is no such customer") };
  const wrong = { 400: refusal("What is wrong with the body") };
  return {
    list: {
      tags,
      summary: `All customers in ${name}, the oldest first`,
      response: { 200: answer("All customers", { customers: { type: "array", items: object(CUSTOMER) } }), ...down },
    },
    add: {
      tags,
      summary: `Adds a customer in ${name}`,
      body: BODY,
      response: { 201: answer("The customer, with its new uid", { ...CUSTOMER, ...MESSAGE }), ...wrong, ...down },
    },
    get: {
      tags,
      summary: `One customer in ${name}`,
      params: PARAMS,
      response: { 200: answer("The customer", CUSTOMER), ...unknown, ...down },
    },
    update: {
      tags,
      summary: `Changes a customer in ${name}: name and address, both`,
      params: PARAMS,
      body: BODY,
      response: { 200: answer("The customer as it is now", { ...CUSTOMER, ...MESSAGE }), ...wrong, ...unknown, ...down },
    },
    remove: {
      tags,
      summary: `Deletes a customer in ${name}`,
      params: PARAMS,
      response: { 200: answer("It is deleted", { uid: UID, ...MESSAGE }), ...unknown, ...down },
    },
  };
}

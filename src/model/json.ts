/**
 * JSON as Kubernetes speaks it. A `bigint` stands for an integer beyond 2^53, which a double would round;
 * `object/json.ts` reads and writes it exactly.
 */
export type Json = null | boolean | number | bigint | string | Json[] | JsonObject

/** A JSON object. Its keys are data: `__proto__` and `constructor` are plain keys, so read with `Object.hasOwn`. */
export interface JsonObject {
  [key: string]: Json
}

/** A Kubernetes object as raw JSON: nothing typed away, nothing dropped. */
export interface KubeObject extends JsonObject {
  apiVersion: string
  kind: string
  metadata: JsonObject
}

//! What `/mcp` answers, as far as OpenAPI can say it.

use serde_json::{Value, json};

use crate::http::openapi::{Describe, Types};

/// An answer of JSON-RPC 2.0, or a list of them.
pub struct RpcAnswer;

impl Describe for RpcAnswer {
    const NAME: Option<&'static str> = Some("RpcAnswer");

    fn schema(_: &mut Types) -> Value {
        let error = json!({
            "type": "object", "required": ["code", "message"],
            "properties": { "code": { "type": "integer" }, "message": { "type": "string" } },
        });
        let one = json!({
            "type": "object", "required": ["jsonrpc", "id"],
            "properties": {
                "jsonrpc": { "const": "2.0" }, "id": { "type": ["string", "integer", "null"] },
                "result": { "type": "object" }, "error": error,
            },
        });
        json!({ "anyOf": [one, { "type": "array", "items": one }], "description": "An answer of JSON-RPC 2.0, or a list of them." })
    }
}

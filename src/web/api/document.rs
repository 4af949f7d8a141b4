//! The OpenAPI document: what the routes say of themselves, and what is true of all of them.

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use utoipa::{PartialSchema, ToSchema};

use super::problem::Problem;
use crate::domain::api::ApiScope;
use crate::protocol::discovery::TOKEN;

/// Statuses of problems with what they mean.
const PROBLEMS: [(&str, &str); 13] = [
    ("400", "The request cannot be read"),
    (
        "401",
        "There is no token, or one that is not for this API, or that counts no more",
    ),
    ("403", "The token lacks the scope, or the role the right"),
    ("404", "There is nothing here, or not for this access"),
    ("409", "It cannot be done as things stand; `code` says why"),
    ("412", "It is of another version by now"),
    ("413", "The body is too large"),
    ("415", "The body is not JSON"),
    (
        "422",
        "What was sent cannot be taken; `problems` says which field and why",
    ),
    ("428", "`If-Match` is missing"),
    ("429", "Too many changes in this agent's name"),
    ("500", "The provider failed; its log tells more"),
    ("503", "It took too long"),
];

/// Writes the document for the provider of this issuer.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn write(described: OpenApi, issuer: &str) -> serde_json::Result<Value> {
    let mut document = serde_json::to_value(described)?;
    document["info"] = json!({
        "title": "Tchap Connect",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Clients, administrations, homeservers, keys, agents, audit and statistics, for operators and \
            partners. Times are Unix seconds. Lists are read by pages: send `next` as `after`.",
        "license": {"name": "MIT", "identifier": "MIT"},
    });
    document["servers"] = json!([{ "url": issuer }]);
    let scopes = ApiScope::ALL.map(|scope| (scope.as_str().to_owned(), scope.description().into()));
    document["components"]["securitySchemes"] = json!({"oauth2": {
        "type": "oauth2",
        "description": "The client_credentials grant (RFC 6749 4.4) of an access made in the console at /console/api.",
        "flows": {"clientCredentials": {
            "tokenUrl": format!("{issuer}{TOKEN}"),
            "scopes": Map::from_iter(scopes),
        }},
    }});
    let mut schemas = Vec::new();
    Problem::schemas(&mut schemas);
    schemas.push((Problem::name().into_owned(), Problem::schema()));
    for (name, schema) in schemas {
        document["components"]["schemas"][name] = serde_json::to_value(schema)?;
    }
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (_, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            complete(method, operation);
        }
    }
    Ok(document)
}

/// Adds the problems that an operation can answer with.
fn complete(method: &str, operation: &mut Value) {
    let has = |place: &str| {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        parameters.clone().any(|one| one["in"] == place)
    };
    let (in_path, in_query, in_header) = (has("path"), has("query"), has("header"));
    let has_body = operation.get("requestBody").is_some();
    let writes = method != "get";
    for (status, description) in PROBLEMS {
        let may_be = match status {
            "404" => in_path,
            "409" | "412" | "429" => writes,
            "428" => in_header,
            "413" | "415" => has_body,
            "422" => has_body || (writes && in_query),
            _ => true,
        };
        if may_be {
            let mut answer = json!({
                "description": description,
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            });
            match status {
                "401" => {
                    answer["headers"] = json!({"WWW-Authenticate": {
                        "description": "The challenge (RFC 6750 3)", "required": true, "schema": {"type": "string"},
                    }});
                }
                "429" => {
                    answer["headers"] = json!({"Retry-After": {
                        "description": "Seconds", "required": true, "schema": {"type": "integer", "minimum": 1},
                    }});
                }
                _ => {}
            }
            operation["responses"][status] = answer;
        }
    }
}

//! `client add|list|show|logouts|rotate-secret|disable`. A secret is shown once, when it is made, and stored as a fingerprint.

mod admission;
mod logouts;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde::de::DeserializeOwned;
use serde::de::value::{Error as ValueError, StrDeserializer};
use serde_json::{Value, json};

use super::apply::KEEP_SECRETS;
use super::context::{Context, Database};
use super::{Global, output};
use crate::console::clients::{self, Author};
use crate::domain::claims::SCOPES;
use crate::domain::client_change::KeptClient;
use crate::protocol::client::{
    ApplicationType, Client, ClientAuthMethod, ClientKeys, ClientSecret, ConsentPolicy, GrantType, LogoutUris,
    RefreshRule, SigningAlg, SubjectType,
};
use crate::protocol::client_metadata::ClientMetadata;
use crate::secret::random_client_id;

#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Add a client; its secret is shown once.
    Add(Box<AddArgs>),
    /// Show all clients.
    List,
    /// Show one client and its living secrets (never the secrets themselves).
    Show {
        /// client_id
        id: String,
    },
    /// Show what became of the logout tokens for a client (Back-Channel Logout), the newest first.
    Logouts {
        /// client_id
        id: String,
    },
    /// Give a client a new secret; the former ones live on for a while.
    RotateSecret {
        /// client_id
        id: String,
        /// How long the former secrets still work, in seconds (at most 30 days).
        #[arg(long, value_name = "SECONDS", default_value_t = KEEP_SECRETS)]
        #[arg(value_parser = clap::value_parser!(i64).range(0..=2_592_000))]
        keep: i64,
    },
    /// Disable a client: from now on it is treated as unknown.
    Disable {
        /// client_id
        id: String,
    },
}

#[derive(Debug, Args)]
pub struct AddArgs {
    /// The name that agents read.
    #[arg(long)]
    name: String,
    /// Where the browser comes back to; may be repeated.
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// A scope it may ask for, besides openid; may be repeated or separated by commas.
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
    scopes: Vec<String>,
    /// Its client_id [default: random].
    #[arg(long)]
    client_id: Option<String>,
    /// A public client: no secret, PKCE required.
    #[arg(long, conflicts_with = "auth_method")]
    public: bool,
    /// An installed application (may use loopback addresses and private schemes).
    #[arg(long)]
    native: bool,
    /// client_secret_basic, client_secret_post or private_key_jwt [default: the first two].
    #[arg(long, value_name = "METHOD", value_parser = choice::<ClientAuthMethod>)]
    auth_method: Option<ClientAuthMethod>,
    /// Algorithm of its ID tokens: RS256, ES256, PS256 or EdDSA.
    #[arg(long, value_parser = choice::<SigningAlg>, default_value = "RS256")]
    alg: SigningAlg,
    /// pairwise (each sector sees another sub) or public. Fixed from now on.
    #[arg(long, value_parser = choice::<SubjectType>, default_value = "pairwise")]
    subject_type: SubjectType,
    /// Host that stands for the service among several. Fixed from now on.
    #[arg(long, value_name = "HOST")]
    sector: Option<String>,
    /// Refuse requests without PKCE.
    #[arg(long)]
    require_pkce: bool,
    /// Always put auth_time into the ID token.
    #[arg(long)]
    require_auth_time: bool,
    /// Ask for a new login when the last one is older than this and the request says nothing.
    #[arg(long, value_name = "SECONDS")]
    default_max_age: Option<u32>,
    /// authorization_code, refresh_token or client_credentials; may be repeated or separated by commas [default:
    /// authorization_code].
    #[arg(long = "grant-type", value_name = "GRANT", value_delimiter = ',', value_parser = choice::<GrantType>)]
    grant_types: Vec<GrantType>,
    /// Where its public keys are fetched from (for private_key_jwt).
    #[arg(long, value_name = "URI")]
    jwks_uri: Option<String>,
    /// Where the browser may go after a logout; may be repeated.
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// Where it is told of logouts by a request of ours (Back-Channel Logout).
    #[arg(long, value_name = "URI")]
    backchannel_logout_uri: Option<String>,
    /// Where it is told of logouts by the browser (Front-Channel Logout).
    #[arg(long, value_name = "URI")]
    frontchannel_logout_uri: Option<String>,
    /// Never ask agents for consent (confidential https clients only).
    #[arg(long)]
    no_consent: bool,
    /// Guests may sign in.
    #[arg(long)]
    admit_guests: bool,
    #[command(flatten)]
    admission: admission::AdmissionArgs,
}

/// Reads a choice by its registered name.
fn choice<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    T::deserialize(StrDeserializer::<ValueError>::new(text)).map_err(|error| error.to_string())
}

impl AddArgs {
    fn metadata(self) -> anyhow::Result<ClientMetadata> {
        Ok(ClientMetadata {
            client_id: self.client_id.map_or_else(random_client_id, Ok)?,
            name: self.name,
            redirect_uris: self.redirect_uris,
            application_type: if self.native {
                ApplicationType::Native
            } else {
                ApplicationType::Web
            },
            token_endpoint_auth_method: if self.public {
                Some(ClientAuthMethod::None)
            } else {
                self.auth_method
            },
            grant_types: self.grant_types.into_iter().collect(),
            refresh_tokens: RefreshRule::default(),
            scopes: self.scopes,
            id_token_signed_response_alg: self.alg,
            subject_type: self.subject_type,
            sector: self.sector,
            require_pkce: self.require_pkce,
            require_auth_time: self.require_auth_time,
            default_max_age: self.default_max_age,
            consent: if self.no_consent {
                ConsentPolicy::None
            } else {
                ConsentPolicy::Ask
            },
            admits_guests: self.admit_guests,
            admission: self.admission.into(),
            keys: ClientKeys {
                jwks_uri: self.jwks_uri,
                jwks: None,
            },
            logout: LogoutUris {
                post_logout_redirect_uris: self.post_logout_redirect_uris,
                backchannel_logout_uri: self.backchannel_logout_uri,
                frontchannel_logout_uri: self.frontchannel_logout_uri,
                ..LogoutUris::default()
            },
            ..ClientMetadata::default()
        })
    }
}

pub async fn run(global: &Global, command: ClientCommand) -> anyhow::Result<()> {
    let context = Context::open(global, Database::MustExist).await?;
    match command {
        ClientCommand::Add(args) => add(global, &context, *args).await?,
        ClientCommand::List => list(global, &context).await?,
        ClientCommand::Show { id } => show(global, &context, &id).await?,
        ClientCommand::Logouts { id } => logouts::show(global, &context, &id).await?,
        ClientCommand::RotateSecret { id, keep } => rotate_secret(global, &context, &id, keep).await?,
        ClientCommand::Disable { id } => disable(global, &context, &id).await?,
    }
    context.store.close().await;
    Ok(())
}

async fn add(global: &Global, context: &Context, args: AddArgs) -> anyhow::Result<()> {
    let client = match args.metadata()?.validate(SCOPES) {
        Ok(client) => client,
        Err(problems) => {
            let lines = problems
                .iter()
                .map(|problem| format!("\n  {}: {}", problem.field, problem.message));
            bail!("the client was not added:{}", lines.collect::<String>());
        }
    };
    if context.store.find_client(&client.id).await?.is_some() {
        bail!("there is a client {} already", client.id);
    }
    let now = context.clock.now();
    let secret = clients::register(&context.store, &Author::COMMAND_LINE, &client, now).await?;
    if global.json {
        let mut answer = describe(context, &client, &[])?;
        if let Some(secret) = secret {
            answer["client_secret"] = secret.into();
        }
        return output::json(&answer);
    }
    let mut rows = vec![
        ("issuer", context.config.issuer.clone()),
        ("discovery", context.config.discovery_url()),
        ("client_id", client.id.clone()),
    ];
    if let Some(secret) = &secret {
        rows.push(("client_secret", secret.clone()));
    }
    rows.push(("redirect_uris", client.redirect_uris.join(" ")));
    rows.push(("scopes", scopes(&client)));
    output::print(&format!(
        "The client {:?} is ready:\n\n{}",
        client.name,
        output::pairs(&rows)
    ))?;
    if secret.is_some() {
        output::say("\nThe secret is shown this once and stored as a fingerprint only: copy it now.");
    }
    output::say("Next: give these values to the service; most libraries need no more than issuer, id and secret.");
    Ok(())
}

async fn list(global: &Global, context: &Context) -> anyhow::Result<()> {
    let clients = context.store.list_clients().await?;
    if global.json {
        let described = clients.iter().map(|client| describe(context, client, &[]));
        return output::json(&described.collect::<anyhow::Result<Vec<_>>>()?);
    }
    let row = |client: &Client| {
        let more = match client.redirect_uris.len() {
            0 | 1 => String::new(),
            number => format!(" (+{})", number - 1),
        };
        let uri = client.redirect_uris.first().map_or("", String::as_str);
        vec![
            client.id.clone(),
            client.name.clone(),
            kind(client).to_owned(),
            state(client).to_owned(),
            format!("{uri}{more}"),
        ]
    };
    let rows: Vec<_> = clients.iter().map(row).collect();
    if rows.is_empty() {
        output::say("There is no client yet. Add one: tchap-connect client add --name NAME --redirect-uri URI");
        return Ok(());
    }
    output::print(&output::table(
        &["client_id", "name", "kind", "state", "redirect uri"],
        &rows,
    ))
}

async fn show(global: &Global, context: &Context, id: &str) -> anyhow::Result<()> {
    let client = find(context, id).await?;
    let secrets = context.store.list_client_secrets(id, context.clock.now()).await?;
    if global.json {
        return output::json(&describe(context, &client, &secrets)?);
    }
    let described = describe(context, &client, &[])?;
    let first = ["issuer", "discovery", "client_id", "name"];
    let members = described
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value));
    let rest = members.clone().filter(|(name, _)| !first.contains(name));
    let ordered = first
        .iter()
        .filter_map(|name| members.clone().find(|(member, _)| member == name));
    let rows: Vec<_> = ordered.chain(rest).map(|(name, value)| (name, plain(value))).collect();
    output::print(&output::pairs(&rows))?;
    let row = |secret: &ClientSecret| {
        let until = secret.expires_at.map_or_else(|| "rotated".to_owned(), output::instant);
        vec![secret.id.clone(), output::instant(secret.created_at), until]
    };
    let rows: Vec<_> = secrets.iter().map(row).collect();
    output::print(&output::table(&["secret", "made", "works until"], &rows))
}

async fn rotate_secret(global: &Global, context: &Context, id: &str, keep: i64) -> anyhow::Result<()> {
    let client = find(context, id).await?;
    if !client.has_secret() {
        bail!("{id} has no secret: it is a public client or signs with a key of its own");
    }
    let now = context.clock.now();
    let secret = clients::rotate_secret(&context.store, &Author::COMMAND_LINE, &client, keep, now).await?;
    let until = now + keep;
    if global.json {
        return output::json(&json!({ "client_id": id, "client_secret": secret, "former_secrets_expire_at": until }));
    }
    output::print(&output::pairs(&[
        ("client_id", id.to_owned()),
        ("client_secret", secret),
    ]))?;
    output::say(&format!(
        "\nThe secret is shown this once: copy it now. The former ones work until {}.",
        output::instant(until)
    ));
    Ok(())
}

async fn disable(global: &Global, context: &Context, id: &str) -> anyhow::Result<()> {
    let now = context.clock.now();
    let kept = find_kept(context, id).await?;
    clients::set_disabled(&context.store, &Author::COMMAND_LINE, &kept, true, now).await?;
    let client = find(context, id).await?;
    let ends = client.self_registered && context.store.expire_registration(id, now).await?;
    if global.json {
        return output::json(&describe(context, &client, &[])?);
    }
    let further = match ends {
        true => "It had registered itself: `serve` deletes it within a minute.",
        false => "`tchap-connect apply` with disabled = false brings it back.",
    };
    output::print(&format!(
        "{:?} ({id}) is disabled: it is treated as unknown from now on.\n{further}",
        client.name
    ))
}

async fn find(context: &Context, id: &str) -> anyhow::Result<Client> {
    Ok(find_kept(context, id).await?.client)
}

async fn find_kept(context: &Context, id: &str) -> anyhow::Result<KeptClient> {
    let found = context.store.find_kept_client(id).await?;
    found.with_context(|| format!("there is no client {id:?}; `tchap-connect client list` shows all"))
}

/// A client for scripts: everything but fingerprints.
fn describe(context: &Context, client: &Client, secrets: &[ClientSecret]) -> anyhow::Result<Value> {
    let mut answer = serde_json::to_value(client)?;
    if let Some(id) = answer.as_object_mut().and_then(|members| members.remove("id")) {
        answer["client_id"] = id;
    }
    answer["issuer"] = context.config.issuer.as_str().into();
    answer["discovery"] = context.config.discovery_url().into();
    if !secrets.is_empty() {
        let secret =
            |one: &ClientSecret| json!({ "id": one.id, "created_at": one.created_at, "expires_at": one.expires_at });
        answer["secrets"] = secrets.iter().map(secret).collect();
    }
    Ok(answer)
}

/// A member's value as people read it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let texts: Vec<_> = items.iter().filter_map(Value::as_str).collect();
            texts.join(" ")
        }
        Value::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}

fn kind(client: &Client) -> &'static str {
    if client.is_public() { "public" } else { "confidential" }
}

fn state(client: &Client) -> &'static str {
    if client.disabled { "disabled" } else { "active" }
}

fn scopes(client: &Client) -> String {
    client.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

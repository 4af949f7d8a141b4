//! The fields of a client's form: label, hint and error beside each, and what was typed kept.

use std::collections::BTreeMap;

use crate::protocol::client_metadata::FieldProblem;
use crate::web::i18n::Text;

use super::problem_words::problem_words;
use super::stacks::Stack;

/// How a field is filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    Line,
    /// One entry per line.
    Lines,
    Box,
    /// Value and words.
    Choice(Vec<(String, String)>),
}

/// One field.
#[derive(Clone, Debug)]
pub struct Field {
    pub id: String,
    pub control: Control,
    pub label: String,
    pub hint: String,
    pub value: String,
    pub error: Option<String>,
    /// The page's first error: it gets the focus.
    pub first: bool,
}

/// Fields that belong together.
#[derive(Clone, Debug)]
pub struct FieldGroup {
    pub id: &'static str,
    pub title: String,
    pub fields: Vec<Field>,
    /// Few need them: they are shown when asked for, or when something stands in them.
    pub folded: bool,
}

impl FieldGroup {
    pub(super) fn is_open(&self) -> bool {
        self.fields
            .iter()
            .any(|field| field.error.is_some() || !field.value.is_empty())
    }
}

/// Makes the fields of one form.
pub struct Form<'a> {
    text: Text,
    typed: &'a BTreeMap<String, String>,
    /// Field of the form and problem.
    problems: Vec<(&'a str, &'a FieldProblem)>,
    errors: usize,
}

impl<'a> Form<'a> {
    /// `field_of` names the field that a problem is about.
    pub fn new(
        text: Text,
        typed: &'a BTreeMap<String, String>,
        problems: &'a [FieldProblem],
        field_of: impl Fn(&'a FieldProblem) -> &'a str,
    ) -> Self {
        Self {
            text,
            typed,
            problems: problems.iter().map(|problem| (field_of(problem), problem)).collect(),
            errors: 0,
        }
    }

    /// The field `id`, with the words of `console-services-field-{key}`.
    pub fn field(&mut self, id: &str, key: &str, control: Control) -> Field {
        let label = self.text.get(&format!("console-services-field-{key}"));
        let hint = self.text.get(&format!("console-services-field-{key}.hint"));
        self.with(id, label, hint, control)
    }

    fn with(&mut self, id: &str, label: String, hint: String, control: Control) -> Field {
        let mine = self.problems.iter().filter(|(field, _)| *field == id);
        let words: Vec<_> = mine.map(|(_, problem)| problem_words(&self.text, problem)).collect();
        let error = (!words.is_empty()).then(|| words.join(" "));
        self.errors += usize::from(error.is_some());
        Field {
            id: id.to_owned(),
            control,
            label,
            hint,
            value: self.typed.get(id).cloned().unwrap_or_default(),
            first: error.is_some() && self.errors == 1,
            error,
        }
    }

    fn choice(&self, id: &str, values: &[&str]) -> Control {
        let words = |value: &&str| match value.is_empty() {
            true => self
                .text
                .get(&format!("console-services-choice-{}-none", id.replace('_', "-"))),
            false => self.text.get(&format!(
                "console-services-choice-{}",
                value.to_lowercase().replace('_', "-")
            )),
        };
        Control::Choice(values.iter().map(|value| ((*value).to_owned(), words(value))).collect())
    }

    fn group(&self, id: &'static str, fields: Vec<Field>) -> FieldGroup {
        FieldGroup {
            id,
            title: self.text.get(&format!("console-services-group-{id}")),
            fields,
            folded: id == "advanced",
        }
    }

    fn fields(&mut self, fields: &[(&str, Control)]) -> Vec<Field> {
        fields
            .iter()
            .map(|(id, control)| self.field(id, &id.replace('_', "-"), control.clone()))
            .collect()
    }

    fn scope(&mut self, scope: &str) -> Field {
        let label = scope.to_owned();
        let hint = self
            .text
            .get(&format!("console-services-scope-{}", scope.replace('_', "-")));
        self.with(&format!("scope_{scope}"), label, hint, Control::Box)
    }

    /// A new client: what it is, where it lives, what it needs and why.
    pub fn new_client(&mut self, scopes: &[&str]) -> Vec<FieldGroup> {
        use Control::{Line, Lines};
        let stacks = Stack::ALL.iter().map(|stack| {
            let words = stack
                .name()
                .map_or_else(|| self.text.get("console-services-stack-other"), str::to_owned);
            (stack.as_str().to_owned(), words)
        });
        let stacks = Control::Choice(stacks.collect());
        let methods = self.choice(
            "token_endpoint_auth_method",
            &[
                "",
                "client_secret_basic",
                "client_secret_post",
                "private_key_jwt",
                "none",
            ],
        );
        let kinds = self.choice("application_type", &["web", "native"]);
        let what = self.fields(&[
            ("name", Line),
            ("purpose", Lines),
            ("redirect_uris", Lines),
            ("application_type", kinds),
            ("stack", stacks),
            ("token_endpoint_auth_method", methods),
            ("jwks_uri", Line),
            ("jwks", Lines),
        ]);
        let mut why = Vec::new();
        for scope in scopes {
            why.push(self.scope(scope));
            let label = self.text.with("console-services-why", &[("scope", scope)]);
            let hint = self.text.get("console-services-why-hint");
            why.push(self.with(&format!("why_{scope}"), label, hint, Line));
        }
        vec![self.group("identity", what), self.group("scopes", why)]
    }

    /// All that a client says of itself. `operator` sees what only operators say.
    pub fn metadata(&mut self, scopes: &[&str], operator: bool) -> Vec<FieldGroup> {
        use Control::{Box, Line, Lines};
        let algs = ["RS256", "ES256", "PS256", "EdDSA"];
        let alg = self.choice("id_token_signed_response_alg", &algs);
        let userinfo = [&[""], &algs[..]].concat();
        let userinfo = self.choice("userinfo_signed_response_alg", &userinfo);
        let methods = self.choice(
            "token_endpoint_auth_method",
            &[
                "",
                "client_secret_basic",
                "client_secret_post",
                "private_key_jwt",
                "none",
            ],
        );
        let kinds = self.choice("application_type", &["web", "native"]);
        let identity = self.fields(&[("name", Line), ("redirect_uris", Lines), ("application_type", kinds)]);
        let scopes = scopes.iter().map(|scope| self.scope(scope)).collect();
        let branding = self.fields(&[
            ("client_uri", Line),
            ("logo_uri", Line),
            ("policy_uri", Line),
            ("tos_uri", Line),
            ("contacts", Lines),
        ]);
        let admission = self.fields(&[
            ("siren", Lines),
            ("email_domains", Lines),
            ("homeservers", Lines),
            ("branch_etat", Box),
            ("branch_territoriale", Box),
            ("branch_hospitaliere", Box),
            ("population_agent", Box),
            ("population_partenaire", Box),
            ("admits_guests", Box),
        ]);
        let logout = self.fields(&[
            ("post_logout_redirect_uris", Lines),
            ("backchannel_logout_uri", Line),
            ("frontchannel_logout_uri", Line),
        ]);
        let mut security = vec![
            ("token_endpoint_auth_method", methods),
            ("jwks_uri", Line),
            ("jwks", Lines),
            ("id_token_signed_response_alg", alg),
            ("userinfo_signed_response_alg", userinfo),
            ("require_pkce", Box),
            ("refresh_token", Box),
            ("refresh_always", Box),
            ("require_auth_time", Box),
            ("default_max_age", Line),
        ];
        if operator {
            security.push(("no_consent", Box));
        }
        let security = self.fields(&security);
        let signed = |name: &str, form: &Self| form.choice(name, &[&[""], &algs[..]].concat());
        let advanced = [
            ("token_endpoint_auth_signing_alg", signed("any_signing_alg", self)),
            ("request_object_signing_alg", signed("any_signing_alg", self)),
            ("request_uris", Lines),
            (
                "introspection_signed_response_alg",
                signed("userinfo_signed_response_alg", self),
            ),
            ("default_acr_values", Lines),
            ("initiate_login_uri", Line),
        ];
        let advanced = self.fields(&advanced);
        let reasons = self.fields(&[("reasons", Lines)]);
        let mut groups = vec![
            self.group("identity", identity),
            self.group("scopes", scopes),
            self.group("branding", branding),
            self.group("admission", admission),
            self.group("logout", logout),
            self.group("security", security),
            self.group("advanced", advanced),
        ];
        if !operator {
            groups.push(self.group("reasons", reasons));
        }
        groups
    }

    /// Whether an error stands beside a field.
    pub fn has_errors(&self) -> bool {
        !self.problems.is_empty()
    }
}

//! Way in by password, relayed once to the homeserver (Client-Server API, `m.login.password`). It is asked for only
//! where the route allows it (`RouteTrust::allows_password`).

use ruma::{
    api::client::{
        session::login::v3::{LoginInfo, Password},
        uiaa::{MatrixUserIdentifier, UserIdentifier},
    },
    thirdparty::Medium,
};

use super::{Upstream, UpstreamError, error::Step};
use crate::{
    domain::{
        homeserver::{Homeserver, Way},
        identifier::Identifier,
        identity::UpstreamIdentity,
    },
    secret::Redacted,
};

impl Upstream {
    /// Signs in with what the agent typed.
    ///
    /// # Errors
    /// See [`UpstreamError`]. `EmailRefused`: ask for the Matrix id (it cannot be computed from the address).
    /// `WrongServer`, before anything is sent, when the Matrix id is another server's.
    pub async fn login_with_password(
        &self,
        homeserver: &Homeserver,
        identifier: &Identifier,
        password: &Redacted,
    ) -> Result<UpstreamIdentity, UpstreamError> {
        let (step, user) = match identifier {
            Identifier::Email(address) => (
                Step::PasswordByEmail,
                UserIdentifier::third_party_id(Medium::Email, address.clone()),
            ),
            Identifier::MatrixId(id) if id.server_name() != homeserver.name => return Err(UpstreamError::WrongServer),
            Identifier::MatrixId(id) => (Step::PasswordByMatrixId, by_name(id.as_str())),
            Identifier::LocalPart(local) => (Step::PasswordByMatrixId, by_name(local)),
        };
        self.may_begin(homeserver)?;
        let info = LoginInfo::Password(Password::new(user, password.expose().to_owned()));
        self.sign_in(homeserver, Way::Password, step, info).await
    }
}

fn by_name(user: &str) -> UserIdentifier {
    UserIdentifier::Matrix(MatrixUserIdentifier::new(user.to_owned()))
}

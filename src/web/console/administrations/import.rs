//! `/console/administrations/import`: a table is read and shown; what was shown, and nothing else, is written once that is
//! confirmed.

use askama::Template;
use axum::extract::Path;
use axum::extract::multipart::{Multipart, MultipartError, MultipartRejection};
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;

use super::super::super::error::{AuthorizeError, PageError, see_other};
use super::super::super::form::PageForm;
use super::super::super::pages::ErrorKind;
use super::super::super::pages::console::{ADMINISTRATIONS, AdministrationDone, ImportNotice, ImportPage, PreviewPage};
use super::super::Member;
use super::done;
use crate::console::administrations::{self, Imported};
use crate::domain::administration::table::{self, LineFault};
use crate::domain::role::Right;
use crate::secret::constant_time_eq;

const IMPORT: &str = "/console/administrations/import";
/// More parts than this has no form of ours.
const MAX_PARTS: usize = 10;

/// What the form sends.
#[derive(Default)]
struct Upload {
    shown: String,
    file: Vec<u8>,
    table: Vec<u8>,
}

/// `GET /console/administrations/import`
pub async fn form(member: Member) -> Result<Response, AuthorizeError> {
    member.require(Right::EditAdministrations)?;
    let is_gone = member.query()?.get("fait") == Some("perdu");
    page(
        &member,
        String::new(),
        Vec::new(),
        is_gone.then_some(ImportNotice::Gone),
    )
}

/// `POST /console/administrations/import`: a file, or else what is in the text field.
pub async fn upload(
    member: Member,
    multipart: Result<Multipart, MultipartRejection>,
) -> Result<Response, AuthorizeError> {
    member.require(Right::EditAdministrations)?;
    let multipart =
        multipart.map_err(|_| PageError::with_detail(ErrorKind::Request, "the body must be multipart/form-data"))?;
    let upload = match read(multipart).await {
        Ok(upload) => upload,
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return page(&member, String::new(), Vec::new(), Some(ImportNotice::TooLarge));
        }
        Err(_) => return Err(PageError::with_detail(ErrorKind::Request, "the body is malformed").into()),
    };
    if !constant_time_eq(&upload.shown, &member.shown()) {
        return Ok(see_other(IMPORT));
    }
    let sent = if upload.file.is_empty() {
        upload.table
    } else {
        upload.file
    };
    if sent.iter().all(u8::is_ascii_whitespace) {
        return page(&member, String::new(), Vec::new(), Some(ImportNotice::Empty));
    }
    match table::read(&sent) {
        Ok(wanted) => {
            let store = &member.app.store;
            let id = administrations::preview(store, member.now, &member.agent.id, wanted).await?;
            Ok(see_other(&format!("{IMPORT}/{id}")))
        }
        Err(faults) => page(&member, String::from_utf8_lossy(&sent).into_owned(), faults, None),
    }
}

async fn read(mut multipart: Multipart) -> Result<Upload, MultipartError> {
    let mut upload = Upload::default();
    for _ in 0..MAX_PARTS {
        let Some(part) = multipart.next_field().await? else {
            break;
        };
        let name = part.name().unwrap_or_default().to_owned();
        let bytes = part.bytes().await?.to_vec();
        match name.as_str() {
            "shown" => upload.shown = String::from_utf8_lossy(&bytes).into_owned(),
            "file" => upload.file = bytes,
            "table" => upload.table = bytes,
            _ => {}
        }
    }
    Ok(upload)
}

/// `GET /console/administrations/import/{id}`
pub async fn preview(member: Member, Path(id): Path<String>) -> Result<Response, AuthorizeError> {
    member.require(Right::EditAdministrations)?;
    let params = member.query()?;
    let id = Some(id).filter(|id| !id.contains('\0'));
    let id = id.ok_or_else(|| PageError::new(ErrorKind::NotFound))?;
    let store = &member.app.store;
    let found = store
        .find_administration_import(&member.agent.id, &id, member.now)
        .await?;
    let Some(import) = found else {
        return Ok(see_other(&format!("{IMPORT}?fait=perdu")));
    };
    let page = match params.get("page") {
        Some(page) => page
            .parse::<usize>()
            .map_err(|_| PageError::with_detail(ErrorKind::Request, "this is no page of the list"))?,
        None => 0,
    };
    let page = PreviewPage {
        layout: member.layout(&ADMINISTRATIONS),
        action: format!("{IMPORT}/{id}"),
        import,
        page,
        is_anew: params.get("fait") == Some("change"),
    };
    Ok(Html(page.render()?).into_response())
}

/// `POST /console/administrations/import/{id}`
pub async fn confirm(
    member: Member,
    Path(id): Path<String>,
    PageForm(form): PageForm,
) -> Result<Response, AuthorizeError> {
    member.require(Right::EditAdministrations)?;
    if !member.is_shown(&form) || id.contains('\0') {
        return Ok(see_other(IMPORT));
    }
    let imported = administrations::import(&member.app.store, member.now, &member.agent.id, &id).await?;
    Ok(match imported {
        Imported::Done(_) => done(AdministrationDone::Imported),
        Imported::ShowAgain(id) => see_other(&format!("{IMPORT}/{id}?fait=change")),
        Imported::Gone => see_other(&format!("{IMPORT}?fait=perdu")),
    })
}

fn page(
    member: &Member,
    table: String,
    faults: Vec<LineFault>,
    notice: Option<ImportNotice>,
) -> Result<Response, AuthorizeError> {
    let page = ImportPage {
        layout: member.layout(&ADMINISTRATIONS),
        table,
        faults,
        notice,
    };
    Ok(Html(page.render()?).into_response())
}

//! `/console/second-facteur`: the second factor is enrolled, and given.

use askama::Template;

use super::ConsoleLayout;
use crate::web::i18n::Text;
use crate::web::pages::wait;

/// What is asked for.
#[derive(Clone)]
pub enum FactorStep {
    /// The one-time code of the command line.
    Enrol,
    /// To put the secret into an application, and its first code.
    Scan {
        /// In base32.
        secret: String,
        /// `otpauth:`
        url: String,
        qr: QrCode,
    },
    /// The application's code.
    Give,
}

/// A QR code to be drawn.
#[derive(Clone, Debug)]
pub struct QrCode {
    /// Modules on a side.
    pub width: usize,
    /// The dark ones, as an SVG path.
    pub path: String,
}

/// What was wrong with what was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorProblem {
    /// The one-time code of the command line.
    Enrolment,
    /// The application's code.
    Code,
    /// None is looked at for so many seconds.
    Wait(u64),
}

/// The page of one step. Its forms post `shown`, and what is carried.
#[derive(Template)]
#[template(path = "console/second_factor.html")]
pub struct SecondFactorPage {
    pub layout: ConsoleLayout,
    pub step: FactorStep,
    pub problem: Option<FactorProblem>,
    /// Where the application's code is posted.
    pub action: String,
    /// Fields that go with it: where to go on afterwards, or the form that was sent before the code was asked for.
    pub carried: Vec<(String, String)>,
}

impl SecondFactorPage {
    fn title(&self) -> String {
        self.layout.text.get(match self.step {
            FactorStep::Enrol | FactorStep::Scan { .. } => "console-factor-enrol-title",
            FactorStep::Give => "console-factor-title",
        })
    }

    fn asks_for_code(&self) -> bool {
        !matches!(self.step, FactorStep::Enrol)
    }

    /// Whether an act waits for the code.
    fn has_kept(&self) -> bool {
        self.action != "/console/second-facteur"
    }

    fn error(&self) -> Option<String> {
        self.problem.map(|problem| problem.message(&self.layout.text))
    }
}

impl FactorProblem {
    fn message(self, text: &Text) -> String {
        match self {
            Self::Enrolment => text.get("console-factor-wrong-enrolment"),
            Self::Code => text.get("console-factor-wrong-code"),
            Self::Wait(seconds) => text.with("console-factor-wait", &[("wait", &wait(text, Some(seconds)))]),
        }
    }
}

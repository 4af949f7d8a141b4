//! The binary: the command line, and nothing else.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    tchap_connect::cli::main().await
}

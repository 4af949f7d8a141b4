//! `check-config`: every problem of the configuration at once, or the settings in effect with their sources.

use std::process::ExitCode;

use serde_json::json;

use super::{Global, context, output};
use crate::config::{Config, Problems};

pub fn run(global: &Global) -> ExitCode {
    let config = context::load_config(global);
    let status = if config.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    };
    match if global.json {
        print_json(&config)
    } else {
        print_text(&config)
    } {
        Ok(()) => status,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn print_json(config: &Result<Config, Problems>) -> anyhow::Result<()> {
    output::json(&match config {
        Ok(config) => json!({ "valid": true, "settings": config.settings, "assumptions": config.assumptions }),
        Err(Problems(problems)) => json!({ "valid": false, "problems": problems }),
    })
}

fn print_text(config: &Result<Config, Problems>) -> anyhow::Result<()> {
    match config {
        Ok(config) => {
            let row = |setting: &crate::config::Setting| {
                vec![setting.key.to_owned(), setting.value.clone(), setting.source.clone()]
            };
            let rows: Vec<_> = config.settings.iter().map(row).collect();
            output::print(&output::table(&["setting", "value", "from"], &rows))?;
            context::say_assumptions(config);
            output::say("The configuration is valid.");
        }
        Err(Problems(problems)) => {
            for problem in problems {
                let place = format!("{} ({})", problem.key, problem.source);
                output::print(&output::clean(&format!("{place}\n    {}", problem.message)))?;
            }
            let count = output::count(problems.len(), "problem");
            output::say(&format!("\n{count}. Every key is explained in config.example.toml."));
        }
    }
    Ok(())
}

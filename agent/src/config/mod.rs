//! `AADConnectProvisioningAgent.exe.config`: read for what it decides, edited without losing what others put there.

mod app_config;

pub use app_config::{AppConfig, AppConfigError, MAX_CONFIG_BYTES, MAX_CONFIG_DEPTH};

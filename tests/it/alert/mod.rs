//! Alerts to real receivers: Alertmanager, moto's SNS and EventBridge with queues behind them, and a server for the others.
mod alertmanager;
mod aws;
mod documented;
mod receiver;
mod rules;
mod turns;
mod world;

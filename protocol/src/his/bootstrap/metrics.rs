//! An agent reports a few counters with each bootstrap (PR 5.2).

use crate::his::namespace;
use crate::his::xml::{Element, HisXmlError, XmlWriter};

/// `PerformanceMetrics`; the CPU aggregates are always empty here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PerformanceMetrics {
    /// Web sockets to back ends.
    pub current_active_backend_web_sockets: u32,
    /// Service Bus connections that failed since the last bootstrap.
    pub faulted_service_bus_connection_count: u32,
    /// Web sockets that failed since the last bootstrap.
    pub faulted_web_socket_connection_count: u32,
    /// Duration of the last bootstrap, milliseconds.
    pub last_bootstrap_latency: u64,
    /// When this was written, `xs:dateTime` in UTC.
    pub time_generated: String,
}

impl PerformanceMetrics {
    pub(super) fn write(&self, writer: &mut XmlWriter) {
        writer.start("PerformanceMetrics", &[("xmlns:a", namespace::BOOTSTRAP)]);
        writer.empty("a:CpuAggregates", &[]);
        writer.value(
            "a:CurrentActiveBackendWebSockets",
            self.current_active_backend_web_sockets,
        );
        writer.value(
            "a:FaultedServiceBusConnectionCount",
            self.faulted_service_bus_connection_count,
        );
        writer.value(
            "a:FaultedWebSocketConnectionCount",
            self.faulted_web_socket_connection_count,
        );
        writer.value("a:LastBootstrapLatency", self.last_bootstrap_latency);
        writer.text("a:TimeGenerated", &self.time_generated);
        writer.end();
    }

    pub(super) fn read(parent: &Element) -> Result<Self, HisXmlError> {
        let Some(element) = parent.child("PerformanceMetrics") else {
            return Ok(Self::default());
        };
        Ok(Self {
            current_active_backend_web_sockets: element.number("CurrentActiveBackendWebSockets", 0)?,
            faulted_service_bus_connection_count: element.number("FaultedServiceBusConnectionCount", 0)?,
            faulted_web_socket_connection_count: element.number("FaultedWebSocketConnectionCount", 0)?,
            last_bootstrap_latency: element.number("LastBootstrapLatency", 0)?,
            time_generated: element.string("TimeGenerated"),
        })
    }
}

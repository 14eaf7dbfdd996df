-- Decides how Kubernetes asks a Druid process whether it lives and is ready. Pure.
--
-- From: the probes of the node group, else of the cluster, else (spec.defaultProbes) the table below.
-- A port that is missing or 0 means the group's druid.port; {} means no probe. To override, change `defaults`.

local tables = require "lib.tables"

local M = {}

-- path, initial delay, timeout, period (seconds), failures allowed
M.defaults = {
  any = {
    liveness = { "/status/health", 5, 5, 10, 10 },
    readiness = { "/status/health", 5, 5, 10, 10 },
    startup = { "/status/health", 5, 5, 10, 10 },
  },
  broker = {
    readiness = { "/druid/broker/v1/readiness", 5, 5, 10, 20 },
    startup = { "/druid/broker/v1/readiness", 5, 5, 10, 20 },
  },
  historical = {
    readiness = { "/druid/historical/v1/readiness", 5, 5, 10, 20 },
    -- A Historical maps every cached segment before it answers.
    startup = { "/druid/historical/v1/readiness", 180, 10, 30, 20 },
  },
}

local fields = { liveness = "livenessProbe", readiness = "readinessProbe", startup = "startUpProbe" }

-- The probe of a type of process that says nothing about it.
function M.default(node_type, purpose, port)
  local row = (M.defaults[node_type] or {})[purpose] or M.defaults.any[purpose]
  return {
    httpGet = { path = row[1], port = port },
    initialDelaySeconds = row[2],
    timeoutSeconds = row[3],
    periodSeconds = row[4],
    failureThreshold = row[5],
    successThreshold = 1,
  }
end

-- purpose: "liveness", "readiness" or "startup". Gives a probe, or nil for none.
function M.probe(cluster, group, purpose)
  local field = fields[purpose]
  local probe = group.node[field] or cluster.spec[field]
  local port = group.node["druid.port"]
  if not probe then
    if cluster.spec.defaultProbes == false then
      return nil
    end
    return M.default(group.type, purpose, port)
  end
  if next(probe) == nil then
    return nil   -- {}: none is wanted
  end
  local get = probe.httpGet
  if get and (get.port == nil or get.port == 0 or get.port == "") then
    probe = tables.shallow(probe)
    probe.httpGet = tables.shallow(get)
    probe.httpGet.port = port
  end
  return probe
end

return M

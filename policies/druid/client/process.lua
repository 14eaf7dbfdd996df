-- Calls to single pods, at their own addresses. Each gives a value or nil, err (see druid.client). pod: a
-- Pod of the cluster, as druid.client.pods gives it.

local address = require "druid.client.address"
local client = require "druid.client"
local tables = require "lib.tables"

local M = {}

local function get(druid, pod, path, kind)
  return client.call_pod(druid, pod, { method = "GET", path = path, kind = kind })
end

local function post(druid, pod, path, comment)
  return client.call_pod(druid, pod, { method = "POST", path = path, comment = comment, kind = "nothing" })
end

-- true, or false when it answers that it is not; nil, err when it does not answer.
local function yes_or_no(answer, err)
  if answer then
    return true
  elseif err.status == 503 or err.status == 404 then
    return false
  end
  return nil, err
end

-- The first member of { ["host:port"] = value }.
local function only_value(answer, err)
  if not answer then
    return nil, err
  end
  return answer[tables.keys(answer)[1] or ""]
end

-- Pods of a process type, by name.
function M.pods(druid, node_type)
  return address.pods_of(druid.cluster, client.pods(druid), node_type)
end

-- The name and port by which Druid most likely calls a pod: its host name since 33, its address before.
-- Gives both as "host:port" texts, the name first; compare with what Druid lists.
function M.hosts(druid, pod)
  local cluster, group = druid.cluster, address.group_of(druid.cluster, pod)
  local port, list = address.port(cluster, group), {}
  local service = group.kind == "StatefulSet" and address.service_names(cluster, group)[1]
  if service then
    list[1] = string.format("%s.%s.%s.svc.cluster.local:%d", pod.metadata.name, service, cluster.namespace, port)
  end
  list[#list + 1] = string.format("%s:%d", pod.metadata.name, port)
  if pod.status and pod.status.podIP then
    list[#list + 1] = string.format("%s:%d", pod.status.podIP, port)
  end
  return list
end

-- The name of the pod that a "host:port" of Druid means, or nil. Pure.
function M.pod_of_host(druid, host_port)
  local parts = address.split("http://" .. host_port)
  local place = parts and address.resolve(druid.cluster, parts.host, client.pods(druid))
  return place and place.pod or nil
end

-- The version text, such as "33.0.0". (facts 6)
function M.version(druid, pod)
  local status, err = get(druid, pod, "/status")
  if not status then
    return nil, err
  end
  return type(status) == "table" and type(status.version) == "string" and status.version or nil
end

-- Is HTTP up? (facts 6)
function M.is_healthy(druid, pod)
  return yes_or_no(get(druid, pod, "/status/health", "nothing"))
end

-- Has a Historical loaded what it had cached? (facts 6)
function M.is_historical_ready(druid, pod)
  return yes_or_no(get(druid, pod, "/druid/historical/v1/readiness", "nothing"))
end

-- Does a Broker know all servers? (facts 6)
function M.is_broker_ready(druid, pod)
  return yes_or_no(get(druid, pod, "/druid/broker/v1/readiness", "nothing"))
end

-- Does this pod lead? role: "coordinator" or "overlord". (facts 5.1)
function M.is_leader(druid, pod, role)
  return yes_or_no(get(druid, pod, client.leads[role], "nothing"))
end

-- A MiddleManager or Indexer: does it take tasks? (facts 2)
function M.is_worker_enabled(druid, pod)
  return only_value(get(druid, pod, "/druid/worker/v1/enabled"))
end

-- The flag is in memory only: a restarted process takes tasks again. (facts 2)
function M.disable_worker(druid, pod, comment)
  return post(druid, pod, "/druid/worker/v1/disable", comment)
end

function M.enable_worker(druid, pod, comment)
  return post(druid, pod, "/druid/worker/v1/enable", comment)
end

-- Ids of the tasks that run on it. One that was just assigned may be missing: ask twice. (facts 2)
function M.worker_tasks(druid, pod)
  return get(druid, pod, "/druid/worker/v1/tasks")
end

return M

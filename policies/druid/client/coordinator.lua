-- Calls to the leading Coordinator. Each gives a value or nil, err (see druid.client).

local answers = require "druid.client.answer"
local client = require "druid.client"
local address = require "druid.client.address"

local M = {}

M.slow_ms = 10000   -- for what counts segments

local root = "/druid/coordinator/v1"

-- Pure judgements ---------------------------------------------------------------------------------

-- The sum of the counts in an answer of load_status: segments that are missing. nil when the map is empty:
-- that means "not known yet", not "none" (a new leader says so until its first run), unless there are no
-- data sources at all.
function M.missing(load_status)
  local sum, any = 0, false
  for _, value in pairs(load_status) do
    local count = value
    if type(value) == "table" then
      count = M.missing(value)
    end
    if type(count) == "number" then
      sum, any = sum + count, true
    end
  end
  return any and sum or nil
end

-- Calls -------------------------------------------------------------------------------------------

-- The address of the leader, as it calls itself. (facts 5.1)
function M.leader_url(druid, role, timeout_ms)
  local path = role == "coordinator" and root .. "/leader" or "/druid/indexer/v1/leader"
  local url, err = client.get(druid, role, path, "text", timeout_ms)
  if not url then
    return nil, err
  elseif not address.split(url) then
    return nil, { code = "unavailable", message = "no " .. role .. " leads at the moment" }
  end
  return url
end

-- The leader: { url =, pod = name of the pod or nil }.
function M.leader(druid, role)
  role = role or "coordinator"
  local url, err = M.leader_url(druid, role)
  if not url then
    return nil, err
  end
  local place = address.resolve(druid.cluster, address.split(url).host, client.pods(druid))
  if not (place and place.pod) then
    place = client.ask_for_leader(druid, role)
  end
  return { url = url, pod = place and place.pod or nil }
end

-- Segments that lack replicas, { tier = { datasource = count } }, as of the last run of the Coordinator
-- (PT60S); {} means not known. cluster_view: wants no more replicas than there are servers, and so says 0
-- while a server is away. (facts 1, real 9)
function M.load_status(druid, cluster_view)
  return client.get(druid, "coordinator", root .. "/loadstatus?full" .. (cluster_view and "&computeUsingClusterView" or ""),
    nil, M.slow_ms)
end

-- Segments of which no replica is loaded, { datasource = count }. (facts 1)
function M.unavailable(druid)
  return client.get(druid, "coordinator", root .. "/loadstatus?simple", nil, M.slow_ms)
end

-- Names of the data sources that have used segments; [] means that an empty load status is all right. (facts 1)
function M.datasources(druid)
  return client.get(druid, "coordinator", root .. "/metadata/datasources")
end

-- Data servers: list of { host = "h:8083", tier =, type = "historical" | "indexer-executor" | …, priority =,
-- currSize =, maxSize = }. (facts 5.6)
function M.servers(druid)
  return client.get(druid, "coordinator", root .. "/servers?simple")
end

-- Ids of the segments of a server "host:port"; err.code "not_found" for an unknown one. (facts 5.6)
function M.server_segments(druid, host)
  return client.get(druid, "coordinator", root .. "/servers/" .. host .. "/segments")
end

-- Queues by server: { ["h:8083"] = { segmentsToLoad =, segmentsToDrop =, … } }. (facts 1)
function M.load_queues(druid)
  return client.get(druid, "coordinator", root .. "/loadqueue?simple", nil, M.slow_ms)
end

-- The dynamic configuration, all fields. (facts 5.2)
function M.config(druid)
  return client.get(druid, "coordinator", root .. "/config")
end

-- Changes fields of it; the others stay. A list is cleared by [] . (facts 5.2)
function M.change_config(druid, changes, comment)
  return client.post(druid, "coordinator", root .. "/config", changes, comment, "nothing")
end

-- Hosts ("host:port") that give up their segments.
function M.decommissioning(druid)
  local config, err = M.config(druid)
  if not config then
    return nil, err
  end
  return answers.table(answers.table(config).decommissioningNodes)
end

-- Adds and removes hosts of that list; written only when it changes. Gives the list. (facts 9)
function M.decommission(druid, add, remove, comment)
  local before, err = M.decommissioning(druid)
  if not before then
    return nil, err
  end
  local gone, seen, list = {}, {}, json.array({})
  for _, host in ipairs(remove or {}) do
    gone[host] = true
  end
  local changed = false
  for _, host in ipairs(before) do
    if gone[host] or seen[host] then
      changed = true
    else
      seen[host] = true
      list[#list + 1] = host
    end
  end
  for _, host in ipairs(add or {}) do
    if not seen[host] then
      seen[host], changed = true, true
      list[#list + 1] = host
    end
  end
  if changed then
    local done
    done, err = M.change_config(druid, { decommissioningNodes = list }, comment)
    if not done then
      return nil, err
    end
  end
  return list
end

-- Retention rules of a data source, [] when the default ones hold. (facts 5.3)
function M.rules(druid, datasource)
  return client.get(druid, "coordinator", root .. "/rules/" .. client.escape(datasource))
end

-- Replaces them all; [] brings the default ones back. (facts 5.3)
function M.set_rules(druid, datasource, rules, comment)
  return client.post(druid, "coordinator", root .. "/rules/" .. client.escape(datasource), rules, comment, "nothing")
end

-- Automatic compaction of a data source, or json.null when there is none. (facts 5.4)
function M.compaction(druid, datasource)
  local config, err = client.get(druid, "coordinator", root .. "/config/compaction/" .. client.escape(datasource))
  if not config and err.code == "not_found" then
    return json.null
  end
  return config, err
end

-- config: with its dataSource. (facts 5.4)
function M.set_compaction(druid, config, comment)
  return client.post(druid, "coordinator", root .. "/config/compaction", config, comment, "nothing")
end

-- True also when there was none. (facts 5.4)
function M.remove_compaction(druid, datasource, comment)
  local done, err = client.call(druid, "coordinator", { method = "DELETE", kind = "nothing", comment = comment,
    path = root .. "/config/compaction/" .. client.escape(datasource) })
  if not done and err.code == "not_found" then
    return true
  end
  return done, err
end

return M

-- What the leading Coordinator answers: load status, servers, dynamic configuration, rules, compaction.

local audit = require "druid.audit"
local http = require "druid.http"
local segments = require "druid.segments"
local settings = require "druid.settings"
local tables = require "lib.tables"

local M = {}

local ROOT = "^/druid/coordinator/v1/(.+)$"

M.CONFIG = {
  millisToWaitBeforeDeleting = 900000, maxSegmentsToMove = 100, replicantLifetime = 15, replicationThrottleLimit = 500,
  balancerComputeThreads = 1, killDataSourceWhitelist = json.array{}, killTaskSlotRatio = 0.1,
  maxKillTaskSlots = 2147483647, killPendingSegmentsSkipList = json.array{}, maxSegmentsInNodeLoadingQueue = 500,
  decommissioningNodes = json.array{}, pauseCoordination = false, replicateAfterLoadTimeout = false,
  useRoundRobinSegmentAssignment = true, smartSegmentLoading = true, debugDimensions = json.null,
  turboLoadingNodes = json.array{},
}
local DEFAULT_RULES = { { type = "loadForever", tieredReplicants = { _default_tier = 2 }, useDefaultTierForNull = true } }
local RULES = { loadForever = true, loadByPeriod = true, loadByInterval = true, dropForever = true, dropByPeriod = true,
  dropByInterval = true, dropBeforeByPeriod = true, broadcastForever = true, broadcastByPeriod = true,
  broadcastByInterval = true }

-- Load status ---------------------------------------------------------------------------------------

local function load_status(view, query)
  if settings.fault(view.faults, "emptyLoadstatus") then return http.json(json.object{}) end
  local snapshot = view.state.status.snapshot
  if query.full then
    local figures = snapshot and (query.computeUsingClusterView and snapshot.view or snapshot.full)
    return http.json(figures or json.object{})
  end
  if query.simple then return http.json(snapshot and snapshot.simple or json.object{}) end
  return http.json(segments.percent(view))
end

local function load_status_of(view, ds, query)
  if query.forceMetadataRefresh == nil then
    return http.text("Invalid request. forceMetadataRefresh must be specified", 400)
  end
  if not view.settings.datasources[ds] then return http.empty(204) end
  local figures, one = segments.figures(view), json.object{}
  if query.simple then
    one[ds] = figures.simple[ds] or 0
  elseif query.full then
    local from = query.computeUsingClusterView and figures.view or figures.full
    for tier, counts in pairs(from) do
      if counts[ds] then one[tier] = { [ds] = counts[ds] } end
    end
  else
    one[ds] = segments.percent(view)[ds]
  end
  return http.json(one)
end

-- Servers -------------------------------------------------------------------------------------------

local function servers(view)
  local list = {}
  for _, server in ipairs(segments.historicals(view)) do
    if server.announced then
      list[#list + 1] = { host = server.process.name, tier = server.tier, type = "historical", priority = 0,
        currSize = server.seen and segments.size_of(view, server) or 0, maxSize = server.max_size, server = server }
    end
  end
  for _, process in ipairs(view.processes) do
    if process.type == "indexer" and process.announced then
      list[#list + 1] = { host = process.name, tier = segments.DEFAULT_TIER, type = "indexer-executor", priority = 0,
        currSize = 0, maxSize = 0 }
    end
  end
  return list
end

local function shown(server)
  local copy = tables.shallow(server)
  copy.server = nil
  return copy
end

local function ids_of(server)
  local ids = json.array{}
  for i, id in ipairs(server.server and server.server.seen and server.server.record.segments or {}) do ids[i] = id end
  return ids
end

local function answer_servers(view, parts, query)
  local list = servers(view)
  if not parts[2] then
    local out = json.array{}
    for i, server in ipairs(list) do out[i] = (query.simple or query.full) and shown(server) or server.host end
    return http.json(out)
  end
  for _, server in ipairs(list) do
    if server.host == parts[2] then
      if parts[3] == "segments" then return http.json(ids_of(server)) end
      return http.json(shown(server))
    end
  end
  return http.empty(404)
end

local function load_queue(view, query)
  local out = json.object{}
  for _, server in ipairs(servers(view)) do
    local loading = server.server and server.server.record and server.server.record.loading or {}
    local size, ids = 0, json.array{}
    local last = view.now_ms
    for i, load in ipairs(loading) do
      ids[i], last = load.id, math.max(last, load.at)
      for _, segment in ipairs(segments.all(view)) do
        if segment.id == load.id then size = size + segment.size end
      end
    end
    out[server.host] = query.simple and { segmentsToLoad = #loading, segmentsToDrop = 0, segmentsToLoadSize = size,
      segmentsToDropSize = 0, expectedLoadTimeMillis = last - view.now_ms } or { segmentsToLoad = ids,
      segmentsToDrop = json.array{} }
  end
  return http.json(out)
end

local function datasources(view, parts, query)
  local by_ds, list = segments.by_datasource(view), json.array{}
  if parts[2] then
    if parts[3] == "loadstatus" then return load_status_of(view, parts[2], query) end
    local one = by_ds[parts[2]]
    return one and http.json(one) or http.empty(204)
  end
  for _, ds in ipairs(tables.keys(by_ds)) do
    if query.simple or query.full then list[#list + 1] = by_ds[ds] else list[#list + 1] = ds end
  end
  return http.json(list)
end

local function tiers(view)
  local seen = {}
  for _, server in ipairs(servers(view)) do seen[server.tier] = true end
  return http.json(json.array(tables.keys(seen)))
end

local function cluster(view)
  local out = json.object{}
  for _, process in ipairs(view.processes) do
    if process.announced then
      local entry = { host = process.host or "", service = process.service, plaintextPort = process.port }
      for _, role in ipairs(process.merged and { "coordinator", "overlord" } or { process.type }) do
        out[role] = out[role] or json.array{}
        table.insert(out[role], entry)
      end
    end
  end
  return http.json(out)
end

-- Configuration -------------------------------------------------------------------------------------

local function config(view)
  local all = {}
  for key, value in pairs(M.CONFIG) do all[key] = value end
  for key, value in pairs(view.state.dynamic.coordinator or {}) do all[key] = value end
  return all
end

local function listed(value)
  if type(value) ~= "string" then return value end
  local list = json.array{}
  for item in value:gmatch("[^,%s]+") do list[#list + 1] = item end
  return list
end

local function kind_of(value)
  return value == json.null and "null" or math.type(value) == "integer" and "number" or type(value)
end

-- What is left out keeps its value, what is unknown is passed over in silence.
local function set_config(view, request)
  local body, refusal = http.body(request)
  if body == nil then return refusal end
  local changed = json.copy(view.state.dynamic.coordinator or json.object{})
  for key, value in pairs(body) do
    local default = M.CONFIG[key]
    if default ~= nil then
      if type(default) == "table" then value = listed(value) end
      if value ~= json.null and default ~= json.null and kind_of(value) ~= kind_of(default) then
        return http.error(400, "Cannot deserialize value of type `int` from String \"" .. tostring(value) .. "\"")
      end
      changed[key] = value
    end
  end
  view.state.dynamic.coordinator = changed
  audit.note(view, "coordinator.config", "coordinator.config", request.body, request)
  return http.empty()
end

local function answer_config(view, parts, request)
  if parts[2] == "history" then return audit.answer(view, "coordinator.config", nil, http.query(request.query)) end
  if parts[2] == "compaction" then return M.compaction(view, parts, request) end
  if parts[2] then return http.empty(404) end
  if request.method == "GET" then return http.json(config(view)) end
  return set_config(view, request)
end

local function all_rules(view)
  local rules = view.state.dynamic.rules or {}
  local all = { _default = rules._default or DEFAULT_RULES }
  for ds, list in pairs(rules) do all[ds] = list end
  return all
end

local function set_rules(view, ds, request)
  local body, refusal = http.body(request)
  if body == nil then return refusal end
  if type(body) ~= "table" or (#body == 0 and next(body) ~= nil) then return http.error(400, "a list of rules is expected") end
  for _, rule in ipairs(body) do
    if type(rule) ~= "table" or not RULES[rule.type] then
      return http.error(400, "Could not resolve type id '" .. tostring(rule.type or rule)
        .. "' as a subtype of `org.apache.druid.server.coordinator.rules.Rule`")
    end
    if rule.type:find("^load") and rule.useDefaultTierForNull == nil then rule.useDefaultTierForNull = true end
  end
  view.state.dynamic.rules = view.state.dynamic.rules or json.object{}
  view.state.dynamic.rules[ds] = json.array(body)
  audit.note(view, ds, "rules", request.body, request)
  return http.empty()
end

local function answer_rules(view, parts, request)
  local query = http.query(request.query)
  if not parts[2] then return http.json(all_rules(view)) end
  if parts[2] == "history" then return audit.answer(view, "rules", nil, query) end
  if parts[3] == "history" then return audit.answer(view, "rules", parts[2], query) end
  if request.method == "POST" then return set_rules(view, parts[2], request) end
  local all, list = all_rules(view), json.array{}
  for _, rule in ipairs((view.state.dynamic.rules or {})[parts[2]] or {}) do list[#list + 1] = rule end
  if query.full and parts[2] ~= "_default" then
    for _, rule in ipairs(all._default) do list[#list + 1] = rule end
  end
  return http.json(parts[2] == "_default" and all._default or list)
end

-- Automatic compaction: …/config/compaction[/{ds}[/history]]
function M.compaction(view, parts, request)
  local configs = view.state.dynamic.compaction or json.object{}
  view.state.dynamic.compaction = configs
  local ds = parts[3]
  if request.method == "GET" then
    if ds and parts[4] == "history" then return audit.answer(view, "compaction", ds, http.query(request.query)) end
    if ds then return configs[ds] and http.json(configs[ds]) or http.empty(404) end
    local list = json.array{}
    for i, name in ipairs(tables.keys(configs)) do list[i] = configs[name] end
    return http.json{ compactionConfigs = list, compactionTaskSlotRatio = 0.1, maxCompactionTaskSlots = 2147483647 }
  end
  if request.method == "DELETE" and ds then
    if not configs[ds] then return http.empty(404) end
    configs[ds] = nil
    return http.empty()
  end
  local body, refusal = http.body(request)
  if body == nil then return refusal end
  if ds then return http.empty() end -- taskslots and cluster: accepted, and of no effect here
  if type(body) ~= "table" or not body.dataSource then return http.error(400, "dataSource is missing") end
  configs[body.dataSource] = body
  audit.note(view, body.dataSource, "compaction", request.body, request)
  return http.empty()
end

-- Lookups: a changed one needs a higher version.
local function lookups(view, parts, request)
  local all = view.state.dynamic.lookups or json.object{}
  view.state.dynamic.lookups = all
  local tier, id = parts[3], parts[4]
  if parts[2] == "status" or parts[2] == "nodeStatus" then return http.json(json.object{}) end
  if parts[2] ~= "config" then return http.empty(404) end
  if request.method == "GET" then
    if not tier then return http.json(json.array(tables.keys(all))) end
    if tier == "all" then return http.json(next(all) and all or json.object{}) end
    if not id then return all[tier] and http.json(json.array(tables.keys(all[tier]))) or http.error(404, "Tier not found") end
    local found = all[tier] and all[tier][id]
    return found and http.json(found) or http.error(404, "lookup not found")
  end
  if request.method == "DELETE" then
    if not all[tier] or not all[tier][id] then return http.error(404, "lookup not found") end
    all[tier][id] = nil
    return http.empty(202)
  end
  local body, refusal = http.body(request)
  if body == nil then return refusal end
  local bulk = id and { [tier] = { [id] = body } } or body
  for name, entries in pairs(bulk) do
    all[name] = all[name] or json.object{}
    for key, entry in pairs(entries) do
      local old = all[name][key]
      if old and not json.equal(old, entry) and (entry.version or "") <= (old.version or "") then
        return http.error(400, "Cannot update to an older or equal version of lookup " .. key)
      end
      all[name][key] = entry
    end
  end
  return http.empty(202)
end

-- Paths ---------------------------------------------------------------------------------------------

local PLACES = {
  loadstatus = function(view, _, request) return load_status(view, http.query(request.query)) end,
  loadqueue = function(view, _, request) return load_queue(view, http.query(request.query)) end,
  servers = function(view, parts, request) return answer_servers(view, parts, http.query(request.query)) end,
  datasources = function(view, parts, request) return datasources(view, parts, http.query(request.query)) end,
  tiers = function(view) return tiers(view) end,
  cluster = function(view) return cluster(view) end,
  config = answer_config,
  rules = answer_rules,
  lookups = lookups,
  metadata = function(view, parts)
    if parts[2] ~= "datasources" then return http.empty(404) end
    return http.json(json.array(tables.keys(view.settings.datasources)))
  end,
  compaction = function() return http.json{ latestStatus = json.array{} } end,
}

function M.answer(view, process, request)
  local rest = process.type == "coordinator" and request.path:match(ROOT)
  if not rest then return nil end
  local parts = http.parts(rest)
  local place = PLACES[parts[1]]
  return place and place(view, parts, request) or nil
end

return M

-- The Overlord's answers about supervisors.

local http = require "druid.http"
local settings = require "druid.settings"
local supervisors = require "druid.supervisors"
local tables = require "lib.tables"

local M = {}

local TYPES = { kafka = true, kinesis = true, rabbit = true, autocompact = true, NoopSupervisorSpec = true,
  scheduled_batch = true }

-- "PT1H" is written out as "PT3600S".
local function in_seconds(duration)
  local hours, minutes, seconds = duration:match("(%d+)H"), duration:match("(%d+)M"), duration:match("(%d+)S")
  if not duration:find("^PT") then return duration end
  return "PT" .. (tonumber(hours) or 0) * 3600 + (tonumber(minutes) or 0) * 60 + (tonumber(seconds) or 0) .. "S"
end

local function data_written_out(schema)
  local grain, dimensions = schema.granularitySpec, schema.dimensionsSpec and schema.dimensionsSpec.dimensions
  for _, key in ipairs{ "segmentGranularity", "queryGranularity" } do
    local value = grain and grain[key]
    if type(value) == "string" then grain[key] = value:lower() == "none" and { type = "none" } or value:upper() end
  end
  for i, dimension in ipairs(dimensions or {}) do
    if type(dimension) == "string" then
      dimensions[i] = { type = "string", name = dimension, multiValueHandling = "SORTED_ARRAY", createBitmapIndex = true }
    end
  end
end

-- A specification as Druid gives it back: what was left out is there, and much is in other words.
local function spec_of(view, id)
  local supervisor = view.state.supervisors[id]
  local spec = json.decode(supervisor.spec)
  spec.suspended, spec.id = supervisor.suspended, id
  local inner = type(spec.spec) == "table" and spec.spec or spec
  if supervisors.is_streaming(supervisor) and type(inner.ioConfig) == "table" then
    local io = inner.ioConfig
    local defaults = { type = supervisor.type, replicas = 1, taskCount = 1, taskDuration = "PT1H", startDelay = "PT5S",
      period = "PT30S", completionTimeout = "PT30M", useEarliestOffset = false, lateMessageRejectionPeriod = json.null,
      autoScalerConfig = json.null, stopTaskCount = json.null }
    for key, value in pairs(defaults) do
      if io[key] == nil then io[key] = value end
    end
    for _, key in ipairs{ "taskDuration", "startDelay", "period", "completionTimeout" } do
      io[key] = in_seconds(tostring(io[key]))
    end
    spec.context = spec.context or json.null
    if type(inner.dataSchema) == "table" then data_written_out(inner.dataSchema) end
  end
  return spec
end

local function state_of(view, id)
  local state, detailed, healthy = supervisors.condition(view, id)
  return { id = id, state = state, detailedState = detailed, healthy = healthy,
    suspended = view.state.supervisors[id].suspended, type = view.state.supervisors[id].type,
    source = view.state.supervisors[id].stream or json.null, dataSource = view.state.supervisors[id].ds }
end

local function list(view, query)
  local out = json.array{}
  for i, id in ipairs(tables.keys(view.state.supervisors)) do
    if query.full ~= nil then
      local entry = state_of(view, id)
      entry.spec = spec_of(view, id)
      out[i] = entry
    elseif query.state then
      out[i] = state_of(view, id)
    else
      out[i] = id
    end
  end
  return http.json(out)
end

local function task_entry(view, id)
  local task = view.state.tasks[id]
  local started = task.startMs or view.now_ms
  return { id = id, startingOffsets = json.object{}, startTime = clock.rfc3339(started // 1000),
    remainingSeconds = math.max(0, (started + task.runMs - view.now_ms) // 1000),
    type = task.publishing and "PUBLISHING" or "ACTIVE", currentOffsets = json.object{}, lag = json.object{} }
end

local function status(view, id)
  local supervisor = view.state.supervisors[id]
  local state, detailed, healthy = supervisors.condition(view, id)
  local active, publishing = json.array{}, json.array{}
  for _, task_id in ipairs(supervisors.active(view, id)) do
    local into = view.state.tasks[task_id].publishing and publishing or active
    if settings.fault(view.faults, "hiddenTask") ~= task_id then into[#into + 1] = task_entry(view, task_id) end
  end
  return http.json{ id = id, generationTime = clock.rfc3339(view.now_ms // 1000), payload = {
    dataSource = supervisor.ds, stream = supervisor.stream or json.null, partitions = supervisor.count,
    replicas = supervisor.replicas, durationSeconds = (supervisor.durationMs or 0) // 1000, activeTasks = active,
    publishingTasks = publishing, latestOffsets = json.object{}, minimumLag = json.object{}, aggregateLag = 0,
    suspended = supervisor.suspended, healthy = healthy, state = state, detailedState = detailed,
    recentErrors = json.array{} } }
end

local function health(view, id)
  if not supervisors.is_streaming(view.state.supervisors[id]) then
    return http.error(404, "[" .. id .. "] does not exist or health check not implemented")
  end
  local _, _, healthy = supervisors.condition(view, id)
  return http.json({ healthy = healthy }, healthy and 200 or 503)
end

local function set_suspended(view, id, wanted)
  local supervisor = view.state.supervisors[id]
  if supervisor.suspended == wanted then
    return http.error(400, "[" .. id .. "] is already " .. (wanted and "suspended" or "running"))
  end
  supervisor.suspended = wanted
  if wanted then supervisors.publish(view, supervisors.active(view, id)) end
  return http.json(spec_of(view, id))
end

local function terminate(view, id)
  supervisors.publish(view, supervisors.active(view, id))
  view.state.supervisors[id] = nil
  view.state.status.terminated = view.state.status.terminated or json.object{}
  view.state.status.terminated[id] = true
  return http.json{ id = id }
end

local function unsupported(id, operation)
  return http.html(500, "Operation[" .. operation .. "] is not supported by supervisor[" .. id .. "]")
end

local function hand_off(view, id, request)
  if not supervisors.is_streaming(view.state.supervisors[id]) then return unsupported(id, "handoff") end
  local body, refusal = http.body(request)
  if body == nil then return refusal end
  for _, group in ipairs(body.taskGroupIds or {}) do
    supervisors.publish(view, supervisors.active(view, id, group, true))
  end
  return http.empty(202)
end

local function reset(view, id)
  if not supervisors.is_streaming(view.state.supervisors[id]) then return unsupported(id, "reset") end
  local tasks = require "druid.tasks"
  for _, task_id in ipairs(supervisors.active(view, id)) do tasks.shutdown(view, task_id) end
  return http.json{ id = id }
end

local GET = {
  status = status, health = health,
  stats = function() return http.json(json.object{}) end,
  history = function(view, id)
    return http.json(json.array{ { spec = spec_of(view, id), version = clock.rfc3339(view.now_ms // 1000) } })
  end,
}
local POST = {
  suspend = function(view, id) return set_suspended(view, id, true) end,
  resume = function(view, id) return set_suspended(view, id, false) end,
  terminate = terminate, shutdown = terminate, reset = reset,
  resetOffsets = function(_, id) return http.json{ id = id } end,
  taskGroups = hand_off,
}

local function all(view, what)
  for _, id in ipairs(tables.keys(view.state.supervisors)) do
    if what == "terminateAll" then
      terminate(view, id)
    elseif view.state.supervisors[id].suspended ~= (what == "suspendAll") then
      set_suspended(view, id, what == "suspendAll")
    end
  end
  return http.json{ status = "success" }
end

local function create(view, request)
  local body, refusal = http.body(request)
  if body == nil then return refusal end
  if type(body) ~= "table" or not TYPES[body.type] then
    return http.error(400, "Please make sure to load all the necessary extensions and jars with type '"
      .. tostring(type(body) == "table" and body.type or body) .. "' on 'druid/overlord' service.")
  end
  local id = supervisors.describe(body).id
  if type(id) ~= "string" then return http.error(400, "the supervisor has no id and no dataSource") end
  local before = view.state.supervisors[id]
  local query = http.query(request.query)
  if before and query.skipRestartIfUnmodified == "true" and json.equal(json.decode(before.spec), body) then
    return http.json{ id = id }
  end
  if view.state.status.terminated then view.state.status.terminated[id] = nil end
  return http.json{ id = supervisors.put(view, body) }
end

-- parts: "supervisor", id, what
function M.answer(view, parts, request)
  local id, what, get = parts[2], parts[3], request.method == "GET"
  if not id then return get and list(view, http.query(request.query)) or create(view, request) end
  if id == "history" and get then
    local out = json.object{}
    for _, name in ipairs(tables.keys(view.state.supervisors)) do
      out[name] = { { spec = spec_of(view, name), version = clock.rfc3339(view.now_ms // 1000) } }
    end
    return http.json(out)
  end
  if id:find("All$") and request.method == "POST" then return all(view, id) end
  if not view.state.supervisors[id] then
    return http.text("Cannot find any supervisor with id: [" .. id .. "]", 404)
  end
  if not what then return get and http.json(spec_of(view, id)) or http.empty(405) end
  local place = (get and GET or POST)[what]
  return place and place(view, id, request) or http.empty(404)
end

return M

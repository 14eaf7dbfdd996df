-- What a person may say about the model of a cluster, in its ConfigMap. Pure.
--
-- Two keys are text for people and are never written again: `settings` (times, sizes, what data there are)
-- and `faults` (what is broken). A setting that is missing has the value below; one that nobody knows is an
-- error that every request is answered with, so that a typing error shows.

local M = {}

M.text = [[
# How this model behaves; times are in seconds. Leave out what should stay as it is.
version: ""              # of every process; "" = the image's tag
host: auto               # druid.host: name, ip, or auto (as Druid 33 and later do it in Kubernetes)
http: 0                  # after its start a process listens …
announce: 2              # … and is announced
sync: 3                  # an announced Historical is seen by Brokers and Coordinators after this
period: 5                # of the Coordinator's duties
startDelay: 10           # of a new Coordinator, before its first duties
cache: 1                 # a Historical with segments in its cache opens its port after this
load: 1                  # a Historical loads a segment
poll: 1                  # the Overlord hands out tasks
publish: 10              # a streaming task that ends publishes
datasources:
  wiki: {segments: 8, size: 1000000}
supervisors: {}          # clicks: {taskCount: 2, replicas: 1, taskDuration: 3600}
users: {}                # admin: password; with users everybody has to say who he is
]]

M.faults_text = [[
# What is broken, and nothing at first: []. Of the requests that match (everything left out matches), the
# first entry decides. Examples:
# - {type: overlord, path: /druid/indexer/v1/workers, answer: hang}
# - {pod: druid-tiny-routers-0, answer: refuse}     # or cut, or 500, or {status: 503, body: "…"}
# - {method: POST, path: /druid/worker/v1/disable, answer: 500}
# - {path: /druid/coordinator, seconds: 3}          # slow, and then as ever
# Others by name:
# - noLeader: coordinator                           # nobody leads; or overlord
# - emptyLoadstatus: true                           # loadstatus is {} as with a fresh leader
# - slowLoad: 60                                    # seconds a segment
# - lostTask: noop1                                 # the Overlord says that it runs, no worker knows it
# - hiddenTask: noop1                               # a worker runs it, the Overlord does not list it
[]
]]

M.defaults = yaml.decode(M.text)

local RULES = { type = "string", pod = "string", method = "string", path = "string", answer = true, seconds = "number",
  noLeader = "string", emptyLoadstatus = "boolean", slowLoad = "number", lostTask = "string", hiddenTask = "string" }

local function decode(text, what)
  if text == nil or text:find("^%s*$") then return nil end
  local value, err = yaml.decode(text)
  if value == nil and err then error(what .. ": " .. err.message, 0) end
  if type(value) ~= "table" then return nil end -- comments alone
  return value
end

-- The settings with all their defaults. Raises for what cannot be meant.
function M.read(text)
  local settings = {}
  for key, value in pairs(M.defaults) do settings[key] = value end
  for key, value in pairs(decode(text, "settings") or {}) do
    local default = M.defaults[key]
    if default == nil then error("settings: '" .. key .. "' is unknown", 0) end
    if type(value) ~= type(default) then
      error("settings: '" .. key .. "' must be of type " .. type(default), 0)
    end
    settings[key] = value
  end
  return settings
end

function M.read_faults(text)
  local faults = decode(text, "faults") or {}
  for index, fault in ipairs(faults) do
    for key, value in pairs(fault) do
      local wanted = RULES[key]
      if wanted == nil then error("faults[" .. index .. "]: '" .. key .. "' is unknown", 0) end
      if wanted ~= true and type(value) ~= wanted then
        error("faults[" .. index .. "]: '" .. key .. "' must be of type " .. wanted, 0)
      end
    end
  end
  return faults
end

-- The value of a fault that is known by name, or nil.
function M.fault(faults, name)
  for _, fault in ipairs(faults) do
    if fault[name] ~= nil then return fault[name] end
  end
  return nil
end

local ANSWERS = { hang = { hang = true }, cut = { cut = true }, refuse = { refuse = true } }

-- What a fault makes of a request to a process: an answer or nil, and how many seconds it takes.
function M.disturb(faults, process, request)
  for _, fault in ipairs(faults) do
    if (fault.answer or fault.seconds) and (fault.type == nil or fault.type == process.type)
      and (fault.pod == nil or fault.pod == process.pod) and (fault.method == nil or fault.method == request.method)
      and (fault.path == nil or request.path:sub(1, #fault.path) == fault.path) then
      local made = fault.answer
      if type(made) == "number" then
        made = { status = made, body = "" }
      elseif type(made) == "string" then
        made = ANSWERS[made] or { status = 500, body = "faults: the answer '" .. made .. "' is unknown\n" }
      end
      return made, fault.seconds or 0
    end
  end
  return nil, 0
end

return M

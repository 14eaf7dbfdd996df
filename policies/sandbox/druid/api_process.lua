-- What every process answers about itself: /status and who leads. Pure.

local http = require "druid.http"

local M = {}

M.MODULES = { "org.apache.druid.storage.s3.S3StorageDruidModule", "org.apache.druid.guice.LocalDataStorageDruidModule" }

local function status(process)
  local modules = json.array{}
  for i, name in ipairs(M.MODULES) do
    modules[i] = { name = name, artifact = "druid", version = process.version }
  end
  return http.json{ version = process.version, modules = modules, memory = { maxMemory = 268435456,
    totalMemory = 268435456, freeMemory = 134217728, usedMemory = 134217728, directMemory = 134217728 } }
end

local function at_least(process, major)
  local own = tonumber(process.version:match("^(%d+)"))
  return own == nil or own >= major
end

local PATHS = {
  ["/status"] = function(_, process) return status(process) end,
  ["/status/health"] = function() return http.raw("true") end,
  ["/status/properties"] = function(_, process)
    return http.json{ ["druid.service"] = process.service, ["druid.host"] = process.host or "" }
  end,
  ["/status/selfDiscovered/status"] = function(_, process) return http.json{ selfDiscovered = process.announced } end,
  ["/status/selfDiscovered"] = function(_, process) return http.empty(process.announced and 200 or 503) end,
  ["/status/ready"] = function(_, process)
    if not at_least(process, 37) then return http.empty(404) end
    return http.empty(process.announced and 200 or 503)
  end,
}

local function leader(view, role)
  local found = view.leaders[role]
  if not found then return http.empty(204) end
  return http.raw(found.url) -- no quotes: it is not JSON, whatever its type says
end

local function is_leader(view, process, role)
  local found = view.leaders[role]
  local itself = found ~= nil and found.pod == process.pod
  return http.json({ leader = itself }, itself and 200 or 404)
end

local ROLES = { coordinator = "coordinator", indexer = "overlord" }

-- nil: not a path of these.
function M.answer(view, process, request)
  local known = PATHS[request.path]
  if known then return request.method == "GET" and known(view, process) or http.empty(405) end
  local place, what = request.path:match("^/druid/(%l+)/v1/(%a+)$")
  local role = place and ROLES[place]
  if role ~= process.type and not (role == "overlord" and process.merged) then role = nil end
  if role and what == "leader" then return leader(view, role) end
  if role and what == "isLeader" then return is_leader(view, process, role) end
  if request.path == "/proxy/enabled" and process.type == "router" then
    return http.json{ enabled = process.property("druid.router.managementProxy.enabled") == "true" }
  end
  return nil
end

return M

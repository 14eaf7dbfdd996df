-- The front of every process: who may ask, where a request belongs, and who passes it on. Pure but for the
-- choice of a Broker.
--
-- A standby of the Coordinators or Overlords sends to the leader (307), a Router and a Coordinator that is
-- no Overlord pass on, a Router sends queries to a Broker, and everything else is answered by the process
-- itself.

local http = require "druid.http"
local processes = require "druid.processes"
local settings = require "druid.settings"

local M = {}

local OPEN = { ["/status/health"] = true, ["/druid/historical/v1/readiness"] = true,
  ["/druid/broker/v1/readiness"] = true, ["/druid/coordinator/v1/isLeader"] = true,
  ["/druid/indexer/v1/isLeader"] = true }

-- Refuses who does not say who he is, or says it wrongly; nil: he may.
function M.denied(users, request)
  if next(users) == nil or OPEN[request.path] then return nil end
  local header = request.headers.authorization
  if not header then
    local answer = http.json({ error = "Unauthorized request", errorMessage = json.null, errorClass = json.null,
      host = json.null }, 401)
    answer.headers["WWW-Authenticate"] = "Basic"
    return answer
  end
  local user, password = http.credentials(header)
  if not user or users[user] ~= password then return http.html(401, "User authentication failed.") end
  return nil
end

-- "coordinator", "overlord", or nil: whose business a path is.
function M.role_of(path)
  if path:find("^/druid/coordinator/") then return "coordinator" end
  if path:find("^/druid/indexer/") then return "overlord" end
  return nil
end

local function plays(process, role)
  return process.type == role or role == "overlord" and process.merged
end

local function nobody(path)
  return { status = 503, headers = json.object{},
    body = (json.encode{ error = "Unable to determine destination[" .. path
      .. "]; is your coordinator/overlord running?" }) }
end

local function without_proxy_prefix(request)
  local role, rest = request.path:match("^/proxy/(%l+)(/.*)$")
  if role ~= "coordinator" and role ~= "overlord" then return request, nil end
  local copy = {}
  for key, value in pairs(request) do copy[key] = value end
  copy.path = rest
  return copy, role
end

-- To whom a Router, or a Coordinator that is no Overlord, passes a request on; or its answer.
local function pass_on(view, request, role)
  local leader = view.leaders[role]
  if not leader then return nil, nobody(request.path) end
  return leader
end

-- Queries go to any Broker that is announced.
local function to_broker(view, request)
  local brokers = processes.announced(view.processes, "broker")
  if #brokers == 0 then return nil, request, http.html(502, "Bad Gateway") end
  return brokers[random.int(1, #brokers)], request
end

local function router(view, process, request)
  if request.path:find("^/druid/v2") then return to_broker(view, request) end
  if process.property("druid.router.managementProxy.enabled") ~= "true" then
    return process, request
  end
  local inner, role = without_proxy_prefix(request)
  role = role or M.role_of(inner.path)
  if not role then return process, request end
  local to, answer = pass_on(view, inner, role)
  return to, inner, answer
end

-- The process that answers in the end, the request as it gets it, or an answer.
function M.destination(view, process, request)
  if process.type == "router" then
    local to, inner, answer = router(view, process, request)
    return to, inner, answer
  end
  local role = M.role_of(request.path)
  if not role then return process, request end
  if not plays(process, role) then
    if process.type ~= "coordinator" or role ~= "overlord" then return process, request end
    local to, answer = pass_on(view, request, role)
    return to, request, answer
  end
  local last = request.path:match("([^/]+)$")
  local leader = view.leaders[role]
  if last == "leader" or last == "isLeader" or (leader and leader.pod == process.pod) then return process, request end
  if not leader then return process, request, http.empty(503) end
  local query = request.query ~= "" and "?" .. request.query or ""
  return leader, request, http.redirect(leader.url .. request.path .. query)
end

local function fault_leaders(view)
  local without = settings.fault(view.faults, "noLeader")
  return { coordinator = without ~= "coordinator" and processes.leader(view.processes, "coordinator") or nil,
    overlord = without ~= "overlord" and processes.leader(view.processes, "overlord") or nil }
end

-- What a request sees: the state, the processes, who leads, the time.
function M.view(state, list, now_ms)
  local view = { state = state, settings = state.settings, faults = state.faults, processes = list, now_ms = now_ms,
    by_pod = {}, by_name = {} }
  for _, process in ipairs(list) do
    view.by_pod[process.pod] = process
    view.by_name[process.name] = process
  end
  view.leaders = fault_leaders(view)
  return view
end

return M

-- A model of Druid: what the processes in the pods of a cluster answer, and what they do by themselves.
--
-- serve answers one request to one pod; reconcile lets time pass: segments load, tasks run and end. Both
-- work on a copy of the state (druid.state) as it is after that; a request that may change something
-- writes it, one that only asks does not. See README.md for what is modelled and how to break it.

local front = require "druid.front"
local http = require "druid.http"
local processes = require "druid.processes"
local segments = require "druid.segments"
local settings = require "druid.settings"
local states = require "druid.state"
local supervisors = require "druid.supervisors"
local tasks = require "druid.tasks"

local M = {}

M.watches = {
  primaries = { { apiVersion = "druid.apache.org/v1alpha1", kind = "Druid", fields = { "metadata.labels" } } },
  { apiVersion = "v1", kind = "Pod", labels = "druid_cr", map = { label = "druid_cr" } },
  { apiVersion = "v1", kind = "ConfigMap", labels = "druid_cr", map = { label = "druid_cr" } },
  { apiVersion = "v1", kind = "Service", labels = "druid_cr", map = "none" },
  { apiVersion = "v1", kind = "PersistentVolumeClaim", labels = "druid_cr", map = "none",
    fields = { "metadata.labels" } },
}
M.rights = { ["v1/ConfigMap"] = { "create", "patch", "read" } }

M.SOONEST_MS = 50

-- What a process answers; the first that knows the path.
M.apis = { require "druid.api_process", require "druid.api_coordinator", require "druid.api_overlord",
  require "druid.api_sql", require "druid.api_data" }

-- The state as it is now, and when something will change by itself (nil: never).
local function look(door, state, namespace, cluster, now_ms)
  local view = front.view(state, processes.all(door, namespace, cluster, state, now_ms), now_ms)
  local next_ms
  local function at(ms)
    ms = math.floor(ms)
    if ms > now_ms and (not next_ms or ms < next_ms) then next_ms = ms end
  end
  for _, process in ipairs(view.processes) do
    if process.running then
      at(process.listens_ms)
      at(process.announced_ms)
    end
  end
  segments.advance(view, at)
  supervisors.advance(view, at)
  tasks.advance(view, at)
  return view, next_ms
end
M.look = look

-- What a process that is asked by another one makes of its request.
local function disturb_inner(ctx, view, to, request)
  local made, seconds = settings.disturb(view.faults, to, request)
  if seconds > 0 then ctx.sleep(seconds * 1000) end
  if made and (made.refuse or made.cut) then return http.html(502, "Bad Gateway") end
  return made
end

local function respond(ctx, view, process, request)
  local to, inner, answer = front.destination(view, process, request)
  if not answer and to.pod ~= process.pod then answer = disturb_inner(ctx, view, to, inner) end
  if answer then return answer end
  for _, api in ipairs(M.apis) do
    answer = api.answer(view, to, inner)
    if answer then return answer end
  end
  return http.html(404, "Not Found")
end
M.respond = respond

-- Refused, cut, hung, slow, or kept out; nil: it gets its answer. Second: nothing listens.
local function meet(ctx, view, process, request)
  local listens = process and processes.listens_on(process, request.scheme, request.port)
  if not listens then return nil, true end
  if listens == "cut" then return { cut = true } end
  local made, seconds = settings.disturb(view.faults, process, request)
  if seconds > 0 then ctx.sleep(seconds * 1000) end
  if made and made.refuse then return nil, true end
  return made or front.denied(view.settings.users, request)
end

local function only_asks(request)
  return request.method == "GET"
    or request.path:find("^/druid/v2") ~= nil and request.path ~= "/druid/v2/sql/task"   -- which makes a task
end

function M.serve(ctx)
  local pod, request = ctx.object, ctx.request
  local namespace, cluster = pod.metadata.namespace, pod.metadata.labels.druid_cr
  local map = states.cached(kube, namespace, cluster)
  local view = look(kube, states.of(map), namespace, cluster, clock.now_ms())
  local answer, refused = meet(ctx, view, view.by_pod[pod.metadata.name], request)
  if answer or refused then return answer end
  if map and only_asks(request) then return respond(ctx, view, view.by_pod[pod.metadata.name], request) end
  return states.change(ctx, kube, namespace, cluster, function(state)
    local now = look(kube, state, namespace, cluster, clock.now_ms())
    local process = now.by_pod[pod.metadata.name]
    return process and respond(ctx, now, process, request) or { cut = true }
  end)
end

-- Only of a cluster that somebody has asked something, or whose model somebody has written down.
function M.reconcile(ctx)
  local namespace, cluster = ctx.key.namespace, ctx.key.name
  if not ctx.object or not states.cached(kube, namespace, cluster) then return nil end
  local next_ms
  local held, done, err = pcall(states.change, ctx, kube, namespace, cluster, function(state)
    local _, at = look(kube, state, namespace, cluster, clock.now_ms())
    next_ms = at
    return true
  end)
  -- What a person has written there and cannot be meant is no fault of the cluster's.
  if not held then return { terminal = states.name(cluster) .. ": " .. tostring(done) } end
  if not done then return nil, err end
  return next_ms and { requeue_ms = math.max(M.SOONEST_MS, next_ms - clock.now_ms()) } or nil
end

return M

-- A model of Druid: what the processes in the pods of a cluster answer, and what they do by themselves.
--
-- serve answers one request to one pod; reconcile lets time pass: segments load, tasks run and end. See
-- README.md for what is modelled and how to break it.

local api_process = require "druid.api_process"
local front = require "druid.front"
local http = require "druid.http"
local processes = require "druid.processes"
local settings = require "druid.settings"
local states = require "druid.state"

local M = {}

M.watches = {
  primaries = { { apiVersion = "druid.apache.org/v1alpha1", kind = "Druid" } },
  { apiVersion = "v1", kind = "Pod", labels = "druid_cr", map = { label = "druid_cr" } },
  { apiVersion = "v1", kind = "ConfigMap", labels = "druid_cr", map = { label = "druid_cr" } },
  { apiVersion = "v1", kind = "Service", labels = "druid_cr", map = "none" },
}
M.rights = { ["v1/ConfigMap"] = { "create", "patch", "read" } }

-- What a process answers; the first that knows the path.
M.apis = { api_process }

local function look(state, namespace, cluster)
  local now_ms = clock.now_ms()
  return front.view(state, processes.all(kube, namespace, cluster, state.settings, now_ms), now_ms)
end

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

function M.serve(ctx)
  local pod, request = ctx.object, ctx.request
  local namespace, cluster = pod.metadata.namespace, pod.metadata.labels.druid_cr
  local state = states.of(states.cached(kube, namespace, cluster))
  local view = look(state, namespace, cluster)
  local process = view.by_pod[pod.metadata.name]
  local listens = process and processes.listens_on(process, request.scheme, request.port)
  if not listens then return nil end
  if listens == "cut" then return { cut = true } end
  local made, seconds = settings.disturb(view.faults, process, request)
  if seconds > 0 then ctx.sleep(seconds * 1000) end
  if made and made.refuse then return nil end
  return made or front.denied(view.settings.users, request) or respond(ctx, view, process, request)
end

function M.reconcile()
  return nil
end

return M

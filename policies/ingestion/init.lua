-- The DruidIngestion controller: work for a Druid cluster, kept as an object says. The story of one run, top
-- to bottom, in `M.run`.
--
--   check       may it be submitted at all                   job         what is submitted, under which id
--   task        batch tasks, run once                        supervisor  streams and others, kept running
--   settings    rules and compaction of the data source      retire      what is not wanted any more ends
--   work        what these share                             status      how it is
--
-- Druid wakes nobody, so a run looks again by the clock; a cluster that does not answer is asked more seldom.

local check = require "ingestion.check"
local client = require "druid.client"
local condition = require "lib.condition"
local events = require "druid.events"
local groups = require "druid.groups"
local job_of = require "ingestion.job"
local problems_of = require "lib.problems"
local retire = require "ingestion.retire"
local settings = require "ingestion.settings"
local status = require "ingestion.status"
local supervisor = require "ingestion.supervisor"
local tables = require "lib.tables"
local task = require "ingestion.task"
local work = require "ingestion.work"
local world = require "druid.world"

local M = {}

M.watches = {
  -- Who has no such objects may do without the kind.
  primaries = { { apiVersion = "druid.apache.org/v1alpha1", kind = "DruidIngestion", optional = true } },
  -- Where to find the cluster, and its pods. They change often and are looked at when they are needed.
  { apiVersion = "druid.apache.org/v1alpha1", kind = "Druid", map = "none" },
  { apiVersion = "v1", kind = "Pod", labels = "app=druid", map = "none", fields = world.pod_fields },
}

M.rights = {
  ["druid.apache.org/v1alpha1/DruidIngestion"] = { "status", "finalizer", "event" },
  ["v1/Secret"] = { "read" },      -- credentials that spec.auth names here or in the Druid object
  ["v1/ConfigMap"] = { "read" },   -- certificates that spec.api.ca of the Druid object names
  http = true,
}

M.no_cluster_ms = 15000
M.share = 2   -- of the calls that a cluster may have under way

-- Writes the status when it differs, and then tells the events.
local function finish(ctx, old, new, told, outcome)
  if not json.equal(old, new) then
    local written, err = ctx.status(new)
    if not written and err then
      return nil, err
    end
  end
  for _, event in ipairs(told) do
    ctx.event(event)
  end
  return outcome
end

-- Ends a run before anything is asked.
local function stop(ctx, object, old, phase, message, told, outcome)
  local facts = { phase = phase, message = message, policy_version = ctx.policy_version,
    settings = condition.find(old.conditions, settings.condition) }
  return finish(ctx, old, status.compose(object, old, tables.shallow(old), facts, clock.now()), told, outcome)
end

local function invalid(ctx, object, old, problems)
  local text = problems_of.line(problems)
  local told = {}
  if old.phase ~= "Invalid" or old.message ~= text then
    told[1] = events.event("Warning", "DruidIngestionControllerCreateFail", text)
  end
  return stop(ctx, object, old, "Invalid", text, told, { terminal = text })
end

local function keep_finalizer(ctx, object)
  for _, name in ipairs(object.metadata.finalizers or {}) do
    if name == job_of.finalizer then
      return true
    end
  end
  local _, err = ctx.finalizer_add(job_of.finalizer)
  return err == nil, err
end

-- The work itself: earlier work ends, then this is submitted or followed.
local function carry_out(kube_door, w)
  if not retire.earlier(w) then
    return
  elseif w.job.kind == "task" then
    task.run(w)
  else
    supervisor.run(w, kube_door.list({ apiVersion = "druid.apache.org/v1alpha1", kind = "DruidIngestion",
      namespace = w.object.metadata.namespace }))
  end
end

function M.run(ctx, kube_door, http_door)
  if not ctx.object then
    work.forget(ctx.key and ctx.key.uid)
    settings.forget(ctx.key and ctx.key.uid)
    supervisor.forget(ctx.key and ctx.key.uid)
    return nil
  end
  local object = json.copy(ctx.object)
  local old, metadata = object.status or {}, object.metadata
  local doors = { kube = kube_door, http = http_door, previewing = ctx.previewing }
  local cluster_name = tables.dig(object.spec, "druidCluster")
  local cluster = cluster_name and kube_door.get({ apiVersion = "druid.apache.org/v1alpha1", kind = "Druid",
    namespace = metadata.namespace, name = cluster_name })

  if metadata.deletionTimestamp then
    return retire.for_good(ctx, doors, object, cluster)
  end
  if tables.dig(metadata, "annotations", job_of.ignored) == "true" then
    return stop(ctx, object, old, "Paused", "Paused by the annotation " .. job_of.ignored, {}, nil)
  end
  local problems = check.problems(object)
  if #problems > 0 then
    return invalid(ctx, object, old, problems)
  end
  local kept, err = keep_finalizer(ctx, object)
  if not kept then
    return nil, err
  end
  if not cluster or cluster.metadata.deletionTimestamp then
    return stop(ctx, object, old, "Waiting", string.format("The Druid object %s %s", cluster_name,
      cluster and "is being deleted" or "does not exist in this namespace"), {}, { requeue_ms = M.no_cluster_ms })
  end

  local job = job_of.of(object, old.attempt)
  local w = {
    druid = client.open(doors, groups.cluster(cluster), { auth = object.spec.auth, share = M.share }),
    object = object, job = job, old = old, new = tables.shallow(old), events = {},
    submitted = job_of.was_submitted(job, old), old_settings = condition.find(old.conditions, settings.condition),
  }
  w.new.conditions = nil
  if w.submitted then
    -- As the object says it now: an operator that is gone back to compares the text.
    w.new.kind, w.new["currentIngestionSpec.json"] = job.kind, job.text
  end
  carry_out(kube_door, w)
  local facts = { phase = w.phase, message = w.message, policy_version = ctx.policy_version, settings = settings.run(w) }
  local new = status.compose(object, old, w.new, facts, clock.now())
  return finish(ctx, old, new, w.events, w.again_ms and { requeue_ms = math.max(w.again_ms // 1, 1) } or nil)
end

-- The contract ------------------------------------------------------------------------------------

function M.reconcile(ctx)
  return M.run(ctx, kube, http)
end

-- It makes no Kubernetes objects; a wrong one is told.
function M.render(object)
  local problems = check.problems(json.copy(object))
  if #problems > 0 then
    return nil, { code = "invalid", message = problems_of.line(problems) }
  end
  return {}
end

function M.check(object)
  return check.problems(json.copy(object))
end

function M.summary(object)
  return status.summary(object)
end

return M

-- Decides what becomes of a field of a live StatefulSet that Kubernetes never lets change. Pure, but for M.run.
--
-- From: what druid.adopt had to keep (serviceName, podManagementPolicy, volumeClaimTemplates), and how far the
-- set is. A set that is settled and whose pod template is as it should be is deleted without its pods, and made
-- anew by the next run: the pods go on, and the new set adopts them, for selector and template are the same. An
-- operator that is killed in between finds no set and makes it. Volumes that grow are grown first, each claim by
-- the size of its own template; the storage class has to allow it. What can not be done that way is told, with
-- what to do. spec.recreateOnImmutableChange: false leaves everything as it is. Override M.decide for another rule.

local names = require "druid.names"
local observed = require "druid.observed"
local quantity = require "lib.quantity"
local refusal = require "lib.refusal"
local tables = require "lib.tables"
local volumes = require "druid.volumes"

local M = {}

local function size_of(template)
  return tables.dig(template, "spec", "resources", "requests", "storage")
end

-- What differs between two lists of claim templates: { grow = { [name] = size }, shrinks = name or nil }.
function M.sizes(wanted, have)
  local before, result = {}, { grow = {} }
  for _, template in ipairs(have or {}) do
    before[template.metadata.name] = template
  end
  for _, template in ipairs(wanted or {}) do
    local name = template.metadata.name
    local old, new = size_of(before[name]), size_of(template)
    if quantity.less(new, old) then
      result.shrinks = result.shrinks or name
    elseif quantity.less(old, new) then
      result.grow[name] = new
    end
  end
  return result
end

-- How a person does it, where it is not done here.
local function by_hand(live, field, why)
  return string.format("%s %s keeps its %s: %s. To have it changed, run: kubectl -n %s delete %s %s --cascade=orphan",
    live.kind, live.metadata.name, field, why, live.metadata.namespace, live.kind:lower(), live.metadata.name)
end

-- Why a set can't be made anew without a risk for its pods, or nil. options: { sha_ours = the digest of its
-- configuration would be the same in a new set }.
local function risk(cluster, entry, options)
  local live = entry.live
  if live.kind ~= "StatefulSet" then
    return "Kubernetes cannot change that in place"
  elseif cluster.spec.recreateOnImmutableChange == false then
    return "Kubernetes cannot change that in place, and recreateOnImmutableChange is false"
  elseif entry.workload.spec.replicas == nil then
    return "Kubernetes cannot change that in place, and the count of its pods is kept in the set alone"
  elseif observed.annotation(live, names.former) ~= nil or not options.sha_ours then
    return "Kubernetes cannot change that in place, and a new set would restart its pods"
  end
  return nil
end

-- kept: list of { field =, wanted =, have = } of one group. Gives { now = it can be made anew now, notes = list,
-- grow = { [template] = size }, fields = text }.
function M.decide(cluster, entry, kept, options)
  local decision, fields = { notes = {}, grow = {} }, {}
  local why = risk(cluster, entry, options)
  for i, row in ipairs(kept) do
    fields[i] = row.field
    local sizes = row.field == "volumeClaimTemplates" and M.sizes(row.wanted, row.have) or { grow = {} }
    local name = entry.live.metadata.name
    if sizes.shrinks then
      decision.blocked = true
      table.insert(decision.notes, string.format("StatefulSet %s keeps its volumeClaimTemplates: volumes cannot "
        .. "shrink. Set the size of \"%s\" back", name, sizes.shrinks))
    elseif next(sizes.grow) and cluster.spec.scalePvcSts ~= true then
      decision.blocked = true
      table.insert(decision.notes, string.format("StatefulSet %s keeps its volumeClaimTemplates: its volumes are "
        .. "smaller. Set spec.scalePvcSts to true to have them grow", name))
    elseif why then
      decision.blocked = true
      table.insert(decision.notes, by_hand(entry.live, row.field, why))
    end
    decision.grow = next(sizes.grow) and sizes.grow or decision.grow
  end
  decision.fields = table.concat(fields, ", ")
  if decision.blocked then
    return decision
  end
  table.insert(decision.notes, string.format("StatefulSet %s is made anew for its %s%s; its pods keep running",
    entry.live.metadata.name, decision.fields, entry.state.settled and not entry.changed and "" or " once it has settled"))
  decision.now = entry.state.settled and not entry.changed and not entry.state.held
    and entry.live.metadata.deletionTimestamp == nil
  return decision
end

-- Claims of the set that are smaller than their template asks for: list of { claim =, size = }.
function M.small_claims(cluster, entry, claims)
  local small = {}
  for _, claim in ipairs(claims) do
    local origin, set = volumes.origin(cluster, claim)
    local template = origin == "template" and set == entry.group.name and names.claim_parts(claim.metadata.name, set)
    local size = template and entry.recreate.grow[template]
    if size and quantity.less(size_of(claim), size) then
      small[#small + 1] = { claim = claim, size = size }
    end
  end
  return small
end

local function grow(ctx, cluster, entry, claims, done)
  for _, row in ipairs(M.small_claims(cluster, entry, claims)) do
    local _, err = ctx.patch(row.claim, { spec = { resources = { requests = { storage = row.size } } } }, { type = "merge" })
    if err then
      if err.code ~= "forbidden" and err.code ~= "invalid" then
        done.failure = done.failure or err
      end
      table.insert(entry.notes, string.format("PersistentVolumeClaim %s does not grow: %s", row.claim.metadata.name,
        refusal.words(err.message)))
      return false
    end
    table.insert(done.updated, { kind = "PersistentVolumeClaim", name = row.claim.metadata.name })
  end
  return true
end

-- Makes at most one set anew: deletes it without its pods; the next run, which its end wakes, makes it again.
-- claims: gives those of the cluster.
function M.run(ctx, cluster, steps, done, claims)
  if done.failure or done.left or #done.updated + #done.created + #done.replaced > 0 then
    return
  end
  for _, entry in ipairs(steps.groups) do
    if entry.recreate and entry.recreate.now then
      if next(entry.recreate.grow) and not grow(ctx, cluster, entry, claims(), done) then
        return
      end
      local live = entry.live
      local _, err = ctx.delete({ apiVersion = "apps/v1", kind = live.kind, namespace = live.metadata.namespace,
        name = live.metadata.name, uid = live.metadata.uid },
        { propagation = "Orphan", reason = "it is made anew for its " .. entry.recreate.fields })
      done.failure = done.failure or err
      if not err then
        table.insert(done.deleted, { kind = live.kind, name = live.metadata.name,
          why = "made anew for its " .. entry.recreate.fields .. ", its pods keep running" })
      end
      return
    end
  end
end

return M

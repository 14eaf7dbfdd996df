-- Fits a rendered workload to the one that is live: what must stay, stays. Pure.
--
-- From: the rendered workload and the live one, made by us or by the operator before us. Kept are
--   * what Kubernetes never lets change (selector, serviceName, podManagementPolicy, claim templates),
--     unless the set is made anew (druid.recreate) when the Druid object asks for something else;
--   * the value of configMapSHA while the configuration is the same (druid.plan gives it), so that
--     nothing restarts because another program computed it;
--   * the replica count, while an autoscaler sets it (or the Druid object leaves it out);
--   * a whole pod template that the former operator made of this very Druid object, though we would write it in
--     another way: it is written with the next change, not now.

local difference = require "lib.difference"
local names = require "druid.names"
local observed = require "druid.observed"
local quantity = require "lib.quantity"
local tables = require "lib.tables"

local M = {}

M.mark = "druidOpResourceHash"   -- the former operator's own annotation, on all that it makes

function M.digest(value)
  return digest.sha256(json.encode(value)):sub(1, 32)
end

-- One short text for the configuration a pod of a group reads: the common files and its own.
function M.config_digest(common_digest, node_data)
  return digest.sha256(common_digest .. json.encode(node_data)):sub(1, 32)
end

-- The annotation that says what a template was made for: "<digest of the configuration> <configMapSHA>".
function M.config_text(config_digest, sha)
  return (config_digest or "unknown") .. " " .. (sha or "")
end

function M.recorded_config(live)
  local text = observed.annotation(live, names.config_hash)
  if not text then
    return nil, nil
  end
  return text:match("^(%S*) (.*)$")
end

local immutable = {
  { "serviceName" }, { "podManagementPolicy" }, { "volumeClaimTemplates" },
}

local function plain(view)
  return view ~= nil and json.copy(view) or nil
end

-- Makes `workload` acceptable to the server beside `live`. Gives the fields that stay as they are, which
-- druid.recreate decides about.
local function keep_immutable(workload, live)
  local kept = {}
  -- A selector only ever gains by being smaller; a live one cannot become so.
  local selector = live.spec.selector
  workload.spec.selector = selector
  local labels, smaller = workload.spec.template.metadata.labels, {}
  for key, value in pairs(selector and selector.matchLabels or {}) do
    if labels[key] ~= value then
      labels = tables.merge(labels, { [key] = value })
      kept[1] = { field = "selector", wanted = smaller, have = selector }
    else
      smaller[key] = value
    end
  end
  workload.spec.template.metadata.labels = labels
  if live.kind ~= "StatefulSet" then
    return kept
  end
  for _, row in ipairs(immutable) do
    local field = row[1]
    local wanted, have = workload.spec[field], plain(live.spec[field])
    local count_differs = type(wanted) == "table" and #wanted ~= #(have or {})
    if (wanted == nil) ~= (have == nil) or count_differs
      or (wanted ~= nil and difference.first(wanted, have)) then
      if (wanted or "") ~= (have or "") then
        kept[#kept + 1] = { field = field, wanted = wanted, have = have }
      end
      workload.spec[field] = have
    end
  end
  return kept
end

-- Whether the pods of a live workload would restart, and how much of it is still the former operator's.
local function compare(workload, live, hash, mark)
  local recorded = observed.annotation(live, names.template_hash)
  if recorded then
    local changed = recorded ~= hash
    return changed, not changed and observed.annotation(live, names.former) or nil
  end
  local before = json.copy(live.spec.template)
  local live_mark = observed.annotation(live, M.mark)
  local differs = difference.first(workload.spec.template, before) ~= nil
  if live_mark and live_mark == mark then
    return false, differs and "template" or "fields"   -- made of this very Druid object: nothing is due
  end
  -- Something may have left the Druid object that is still there.
  differs = differs or difference.left(workload.spec.template, before) ~= nil
  return differs, not differs and live_mark and "fields" or nil
end

-- workload: freshly rendered, changed in place. live: view or nil. options: { autoscaled =, config =, mark = what
-- the former operator would know it by, or nil }. Gives { changed = the pods would restart, kept = the fields that
-- Kubernetes does not let change }.
function M.fit(workload, live, options)
  local kept = live and keep_immutable(workload, live) or {}
  -- What is fitted to this one must never make another: it might have fewer pods.
  workload.metadata.uid = live and live.metadata.uid or nil
  if options.autoscaled then
    workload.spec.replicas = nil   -- the runtime hands over a count that was ours
  end
  local hash = M.digest(workload.spec.template)
  local annotations = workload.metadata.annotations or {}
  annotations[names.template_hash] = hash
  annotations[names.config_hash] = options.config
  workload.metadata.annotations = annotations
  annotations[M.mark] = options.mark
  local changed = false
  if live then
    changed, annotations[names.former] = compare(workload, live, hash, options.mark)
  end
  if live and not changed then
    annotations[M.mark] = options.mark or observed.annotation(live, M.mark)
  end
  if annotations[names.former] == "template" then
    workload.spec.template = nil
  end
  return { changed = changed, kept = kept }
end

-- A claim that stands for itself, fitted to the live one: it may grow, nothing else can change. It keeps the
-- former operator's mark: without it that one, started again, would write the claim, be refused, and get no further.
-- Gives the claim to send and a note, or nil.
function M.claim(claim, live)
  if not live then
    return claim, nil
  end
  local fitted, told = tables.shallow(claim), nil
  local mark = observed.annotation(live, M.mark)
  if mark then
    fitted.metadata = tables.merge(claim.metadata,
      { annotations = tables.merge(claim.metadata.annotations or {}, { [M.mark] = mark }) })
  end
  fitted.spec = {}
  for field, wanted in pairs(claim.spec or {}) do
    local have = live.spec[field]
    local grows = field == "resources" and quantity.less(tables.dig(have, "requests", "storage"),
      tables.dig(wanted, "requests", "storage"))
    fitted.spec[field] = wanted
    if not grows and difference.first(wanted, have) then
      fitted.spec[field] = have
      told = string.format("PersistentVolumeClaim %s keeps its %s: Kubernetes cannot change that in place",
        live.metadata.name, field)
    end
  end
  return fitted, told
end

-- For a group that waits: the same workload with the pod template it has, so that everything else
-- (replicas, update strategy, labels) need not wait. nil when nothing else differs.
function M.without_template(workload, live)
  local waiting = tables.shallow(workload)
  waiting.spec = tables.shallow(workload.spec)
  waiting.spec.template = nil
  waiting.metadata = tables.shallow(workload.metadata)
  local annotations = tables.shallow(workload.metadata.annotations)
  annotations[names.template_hash] = observed.annotation(live, names.template_hash)
  for _, name in ipairs({ names.config_hash, names.former, M.mark }) do
    annotations[name] = observed.annotation(live, name)
  end
  waiting.metadata.annotations = tables.filled(annotations)
  if not difference.first(waiting.spec, json.copy(live.spec)) then
    return nil
  end
  waiting.spec.template = live.spec.template
  return waiting
end

return M

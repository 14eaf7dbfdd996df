-- Decides how a live Service becomes the one that is wanted, with the least interruption. Pure.
--
-- Most of it is changed in place. What Kubernetes never lets change (an address or none, the family of addresses,
-- a load balancer's class, the port of its health checks) needs another Service of the same name. That is announced first,
-- in a run that changes everything else, so that the server has found nothing wrong with it; the next run deletes the old
-- one and makes the new one at once. A Service that asks for something that may be taken (an address, a port of nodes) is
-- left to a person, for the old one would be gone and the new one refused; so is all with recreateOnImmutableChange: false.
--
-- A selector changes make-before-break: until pods carry what is new in it, old and new one are narrowed to what they
-- have in common, which selects the pods of before and after. The same goes for a PodDisruptionBudget.
-- To override: `fixed`, `selector`, or `fit`.

local adopt = require "druid.adopt"
local labels = require "lib.selector"
local names = require "druid.names"
local observed = require "druid.observed"
local tables = require "lib.tables"

local M = {}

M.class = "nemeton.dev/load-balancer-class"   -- annotation on a Service: the class that it has of the Druid object
M.kept = "clusterIP"   -- value of names.former on a Service that is headless because the former operator left it so

-- What only a Service with a face to the outside may have.
M.outside = { "externalTrafficPolicy", "healthCheckNodePort", "loadBalancerIP", "loadBalancerSourceRanges",
  "loadBalancerClass", "allocateLoadBalancerNodePorts" }

local function type_of(spec)
  return tables.text(spec.type) or "ClusterIP"
end

local function address(spec)
  return tables.text(spec.clusterIP) or tables.text((spec.clusterIPs or {})[1])
end

local function has_health_check(spec)
  return type_of(spec) == "LoadBalancer" and spec.externalTrafficPolicy == "Local"
end

local function port_of(spec)
  return math.tointeger(spec.healthCheckNodePort) or 0
end

-- The field for which a live Service cannot become the wanted one in place, or nil. class: what the Druid object asked for
-- when the live one was written, or nil: a class that somebody else gives to every Service is nobody's to take away.
function M.fixed(wanted, have, class)
  if type_of(wanted) == "ExternalName" or type_of(have) == "ExternalName" then
    return nil   -- these have no address: it comes and goes in place
  end
  local now, then_ = address(have), address(wanted)
  if now and (then_ and then_ ~= now or not then_ and now == "None") then
    return "clusterIP"
  end
  local family, live_family = (wanted.ipFamilies or {})[1], (have.ipFamilies or {})[1]
  if family and live_family and family ~= live_family then
    return "ipFamilies"
  end
  local both = type_of(wanted) == "LoadBalancer" and type_of(have) == "LoadBalancer"
  if both and wanted.loadBalancerClass ~= have.loadBalancerClass
    and (wanted.loadBalancerClass or class ~= nil and class == have.loadBalancerClass) then
    return "loadBalancerClass"
  elseif has_health_check(wanted) and has_health_check(have) and port_of(wanted) ~= 0 and port_of(wanted) ~= port_of(have) then
    return "healthCheckNodePort"
  end
  return nil
end

-- What the new Service asks for that another one may have, or nil.
local function pinned(spec)
  local wanted = address(spec)
  if wanted and wanted ~= "None" then
    return "an address of its own"
  end
  for _, port in ipairs(spec.ports or {}) do
    if port.nodePort and port.nodePort ~= 0 then
      return "a node port of its own"
    end
  end
  return spec.healthCheckNodePort and "a health check port of its own" or nil
end

-- The wanted Service as far as the live one can become it.
local function in_place(wanted, live)
  local object, have = tables.shallow(wanted), live.spec
  local spec = tables.shallow(wanted.spec)
  object.spec = spec
  spec.clusterIP, spec.clusterIPs = have.clusterIP, nil
  spec.ipFamilies = spec.ipFamilies and have.ipFamilies
  if type_of(spec) == "LoadBalancer" and type_of(have) == "LoadBalancer" then
    spec.loadBalancerClass = have.loadBalancerClass
  else
    spec.loadBalancerClass = type_of(spec) == "LoadBalancer" and spec.loadBalancerClass or nil
  end
  if has_health_check(spec) and has_health_check(have) then
    spec.healthCheckNodePort = have.healthCheckNodePort
  end
  if have.clusterIP == "None" and type_of(spec) ~= "ClusterIP" then
    spec.type = "ClusterIP"
    for _, field in ipairs(M.outside) do
      spec[field] = nil
    end
    local ports = {}
    for i, port in ipairs(spec.ports or {}) do
      ports[i] = tables.shallow(port)
      ports[i].nodePort = nil
    end
    spec.ports = tables.filled(ports)
  end
  return object
end

-- Which selector is right now. have: the live one; pods(): rows { labels =, ready = } of the group; settled: its pods
-- are what its template makes of them. Gives it, and what keeps the wanted one away: "pods" that are not made yet,
-- "nobody" carries it; or nil.
function M.selector(wanted, have, pods, settled)
  if not tables.filled(have or {}) or labels.matches(wanted, have) then
    return wanted, nil
  end
  local carry, lack = 0, 0
  for _, pod in ipairs(pods()) do
    local carries = labels.matches(wanted, pod.labels)
    if pod.ready and carries then
      carry = carry + 1
    elseif pod.ready and labels.matches(have, pod.labels) then
      lack = lack + 1
    end
  end
  if lack == 0 or (settled and carry > 0) then
    return wanted, nil
  end
  local common = {}
  for key, value in pairs(wanted) do
    if have[key] == value then
      common[key] = value
    end
  end
  return common, settled and "nobody" or "pods"
end

-- The words for a selector that is kept away.
function M.selector_note(object, why)
  return string.format("%s %s gets its new selector when %s", object.kind, object.metadata.name,
    why == "nobody" and "a pod carries its labels: none does" or "the pods carry its labels")
end

local function by_hand(wanted, field, why)
  local metadata = wanted.metadata
  return string.format("Service %s keeps its %s: Kubernetes cannot change that in place, and %s. To have it changed, run: "
    .. "kubectl -n %s delete service %s", metadata.name, field, why, metadata.namespace, metadata.name)
end

local function left_by_former(wanted, live, field)
  local marked = observed.annotation(live, adopt.mark) or observed.annotation(live, names.former) == M.kept
  return field == "clusterIP" and not address(wanted.spec) and marked
end

-- Notes the class that a Service has of the Druid object: so it is known when it leaves that.
local function note_class(object, class)
  local noted = tables.shallow(object)
  noted.metadata = tables.shallow(object.metadata)
  noted.metadata.annotations = tables.merge(object.metadata.annotations, { [M.class] = class })
  return noted
end

-- wanted: as rendered; live: as it is, or nil. options: { announced(text) = it was told before, pods(), settled = see
-- M.selector }. Gives { object = to be written, or nil while the old one goes; replace = the field for which the live
-- one is deleted before; notes = texts; waits = it is to be looked at again;
-- kept = words for what stays as it is }.
function M.fit(cluster, wanted, live, options)
  if wanted.spec.loadBalancerClass then
    wanted = note_class(wanted, wanted.spec.loadBalancerClass)
  end
  local result = { object = wanted, notes = {} }
  if not live then
    return result
  elseif live.metadata.deletionTimestamp then
    return { notes = { "Service " .. wanted.metadata.name .. " is being deleted, and made again then" } }
  end
  local object = wanted
  local selector, why = M.selector(wanted.spec.selector, live.spec.selector, options.pods, options.settled)
  if why then
    object = tables.shallow(wanted)
    object.spec = tables.merge(wanted.spec, { selector = selector })
    table.insert(result.notes, M.selector_note(wanted, why))
    result.waits = true
  end
  result.object = object
  local class = observed.annotation(live, M.class)
  local field = M.fixed(wanted.spec, live.spec, class)
  if not field then
    return result
  elseif left_by_former(wanted, live, field) then
    result.object = in_place(object, live)
    result.object.metadata = tables.shallow(wanted.metadata)
    result.object.metadata.annotations = tables.merge(wanted.metadata.annotations, { [names.former] = M.kept })
    return result
  end
  local pin = pinned(wanted.spec)
  local told
  local by_person = cluster.spec.recreateOnImmutableChange == false or pin ~= nil
  if cluster.spec.recreateOnImmutableChange == false then
    told = by_hand(wanted, field, "recreateOnImmutableChange is false")
  elseif pin then
    told = by_hand(wanted, field, "the new one asks for " .. pin .. ", which may be taken")
  else
    told = string.format("Service %s is deleted and made anew for its %s; clients do not reach it for that moment",
      wanted.metadata.name, field)
    if options.announced(told) then
      result.replace = field
      return result
    end
    result.waits = true
  end
  table.insert(result.notes, told)
  result.kept = by_person and told or nil
  result.object = in_place(object, live)
  if field == "loadBalancerClass" and class then
    result.object = note_class(result.object, class)   -- until the new one is made, it has the old one's
  end
  return result
end

return M

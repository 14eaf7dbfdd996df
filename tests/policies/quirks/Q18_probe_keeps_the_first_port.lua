-- module: druid.render.probes
-- The cluster's own probe is changed by the first group that uses it.
local probes = require "base.druid.render.probes"
local probe = probes.probe
function probes.probe(cluster, group, purpose)
  local made = probe(cluster, group, purpose)
  local shared = cluster.spec[purpose .. "Probe"]
  if shared and shared.httpGet and made then
    shared.httpGet.port = made.httpGet.port
  end
  return made
end
return probes

-- module: druid.teardown
-- caught by: scenario given_back: workers that are left disabled
-- A cluster that is deleted with its parts orphaned leaves its workers as they are.
local teardown = require "base.druid.teardown"
local let_go = teardown.let_go
function teardown.let_go(ctx, kube, cluster)
  return let_go(ctx, kube, cluster, nil)
end
return teardown

using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Disconnect-ComfyDeploy: the connection is closed and its key is disposed.</summary>
[Collection(ProcessWide.Name)]
public sealed class DisconnectComfyDeployTests : TwoAccountsTest
{
    [Fact]
    public void A_closed_connection_sends_no_request()
    {
        Engine.Run("$one = Connect-ComfyDeploy $key1 -BaseUri $uri1 -PassThru; $run = Start-ComfyRun portrait; Disconnect-ComfyDeploy");
        Assert.Empty(Engine.Run("Get-ComfyConnection").Objects);
        int before = First.Requests.Count;
        foreach (string script in (string[])["Get-ComfyDeployment", "Get-ComfyDeployment -Connection $one", "$run | Get-ComfyRun", "$run | Wait-ComfyRun"])
        {
            Engine.RunWithErrors(script).Error("NotConnected");
        }
        Assert.Equal(before, First.Requests.Count);
        Engine.RunWithErrors("Disconnect-ComfyDeploy").Error("ConnectionNotFound");
    }

    [Fact]
    public void Connections_are_accepted_from_the_pipeline()
    {
        Engine.Run("Connect-ComfyDeploy $key1 -BaseUri $uri1 -Name a; Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name b; Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name c");
        Engine.Run("Get-ComfyConnection [ab] | Disconnect-ComfyDeploy");
        Assert.Equal("c", Engine.Run("Get-ComfyConnection").One<ComfyConnection>().Name);
    }
}

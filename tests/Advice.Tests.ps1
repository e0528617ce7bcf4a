#Requires -Version 7.4

BeforeAll {
    . $PSScriptRoot/common.ps1
    $folder = (New-Item -ItemType Directory (Join-Path ([System.IO.Path]::GetTempPath()) "comfy's $([guid]::NewGuid().ToString('N'))")).FullName
    [System.IO.File]::WriteAllBytes((Join-Path $folder 'a.png'), [byte[]](1, 2, 3))

    # The error of a script.
    function Get-Advice {
        [CmdletBinding()]
        param([Parameter(Mandatory)] [string] $Script)
        try { $null = & ([scriptblock]::Create("`$ErrorActionPreference = 'Stop'; $Script")) } catch { "$_" }
    }
}

AfterAll {
    Clear-TestState
    Remove-Item -LiteralPath $folder -Recurse
}

Describe 'A command in a message works when it is pasted' {
    BeforeEach { $emulator = New-TestEmulator }

    It '<Script>' -ForEach @(
        @{ Script = 'Get-ComfyRun portrait'; Pattern = 'Get-ComfyRun -Workflow .*' }
        @{ Script = 'Get-ComfyRun portrait/production'; Pattern = 'Get-ComfyRun -Deployment .*' }
        @{ Script = 'Get-ComfyDeployment portrait/production | Get-ComfyRunOutput'; Pattern = 'Get-ComfyDeployment .* \| Get-ComfyRun' }
        @{ Script = 'Get-ComfyDeployment -DeploymentId portrait'; Pattern = 'Get-ComfyDeployment .*' }
        @{ Script = 'Send-ComfyFile $folder'; Pattern = 'Get-ChildItem .* \| Send-ComfyFile' }
    ) {
        $command = [regex]::Match((Get-Advice $Script), $Pattern).Value
        $command | Should -Not -BeNullOrEmpty
        { & ([scriptblock]::Create("`$ErrorActionPreference = 'Stop'; $command")) } | Should -Not -Throw
    }

    It 'the selection of columns for a row with the unknown one "<_>"' -ForEach 'shot', "the shot's no" {
        $row = [pscustomobject]@{ prompt = 'fox'; $_ = 'a07' }
        $advice = Get-Advice '$row | Start-ComfyRun portrait'
        $select = [regex]::Match($advice, '\| (Select-Object .*) \|').Groups[1].Value
        $label = [regex]::Match($advice, '-LabelColumn [^)]+').Value
        @(& ([scriptblock]::Create("`$row | $select | Start-ComfyRun portrait -ErrorAction Stop"))).Count | Should -Be 1
        @(& ([scriptblock]::Create("`$row | Start-ComfyRun portrait $label -ErrorAction Stop"))).Label | Should -Be 'a07'
    }

    It 'the parameter for text that is piped, and for a deployment in a row' {
        $advice = Get-Advice "'fox' | Start-ComfyRun portrait"
        @(& ([scriptblock]::Create("'fox' | Start-ComfyRun portrait $([regex]::Match($advice, '-InputName \w+').Value)"))).Count | Should -Be 1
        $row = [pscustomobject]@{ DeploymentId = (Get-ComfyDeployment portrait/production).DeploymentId; prompt = 'fox' }
        $advice = Get-Advice '$row | Start-ComfyRun'
        @(& ([scriptblock]::Create("`$row | Start-ComfyRun $([regex]::Match($advice, '-DeploymentColumn \w+').Value)"))).Count | Should -Be 1
    }

    It 'the connection, when there is no default' {
        $other = New-NamedEmulator 'studio two'
        Disconnect-ComfyDeploy emulator
        $advice = Get-Advice 'Get-ComfyDeployment'
        $advice | Should -BeLike '*Open connections: studio two.*'
        @(& ([scriptblock]::Create("Get-ComfyDeployment $([regex]::Match($advice, "-Connection '[^']+'").Value)"))).Count | Should -BeGreaterThan 0
        $other.Requests.Count | Should -BeGreaterThan 0
        Get-Advice 'Get-ComfyDeployment -Connection lab' | Should -BeLike "*There is no connection 'lab'. Open connections: studio two.*"
    }

    It 'the lines that stop and continue a wait' {
        $advice = Get-Advice '1..2 | Start-ComfyRun portrait -InputName seed | Wait-ComfyRun -Timeout 0'
        $stop = [regex]::Match($advice, "'[^ ]+ \| Stop-ComfyRun").Value
        $wait = [regex]::Match($advice, "'[^ ]+ \| Wait-ComfyRun").Value
        { & ([scriptblock]::Create("$stop -ErrorAction Stop")) } | Should -Not -Throw
        @(& ([scriptblock]::Create("$wait -ErrorAction Stop"))).Count | Should -Be 2
    }
}

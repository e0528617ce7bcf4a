#Requires -Version 7.4

BeforeDiscovery {
    $manifestFile = Join-Path $PSScriptRoot '../out/ComfyDeploy/ComfyDeploy.psd1'
    $cmdlets = (Import-PowerShellDataFile $manifestFile).CmdletsToExport | ForEach-Object { @{ Name = $_ } }
}

BeforeAll {
    . $PSScriptRoot/common.ps1
    $module = Get-Module ComfyDeploy
    $commands = Get-Command -Module ComfyDeploy
    $assembly = $commands[0].ImplementingType.Assembly
    $manifest = Import-PowerShellDataFile (Join-Path $ModulePath 'ComfyDeploy.psd1')
}

AfterAll { Clear-TestState }

Describe 'Conventions' {
    It 'uses approved verbs only' {
        $commands.Where{ $_.Verb -notin (Get-Verb).Verb } | Should -BeNullOrEmpty
    }

    It 'declares the output type of each cmdlet' {
        $commands.Where{ -not $_.OutputType } | Should -BeNullOrEmpty
    }

    It 'offers -WhatIf wherever something changes' {
        $commands.Where{ $_.Verb -notin 'Get', 'Find', 'Wait', 'Watch', 'Test', 'Measure', 'Connect', 'Disconnect' -and $_.Name -ne 'New-ComfyInputGrid' -and -not $_.Parameters.ContainsKey('WhatIf') } |
            Should -BeNullOrEmpty
    }

    It 'offers no -WhatIf where nothing changes' {
        $commands.Where{ $_.Verb -in 'Get', 'Find', 'Test', 'Measure' -and $_.Parameters.ContainsKey('WhatIf') } | Should -BeNullOrEmpty
    }

    It 'has no Boolean parameter' {
        $commands.ForEach{ $_.Parameters.Values }.Where{ $_.ParameterType -eq [bool] } | Should -BeNullOrEmpty
    }

    It 'takes at most one parameter by value in each set' {
        $several = $commands.ForEach{ $name = $_.Name; $_.ParameterSets.Where{ $_.Parameters.Where{ $_.ValueFromPipeline }.Count -gt 1 }.ForEach{ "$name/$($_.Name)" } }
        $several | Should -BeNullOrEmpty
    }

    It 'accepts no secret as plain text' {
        $commands.ForEach{ $_.Parameters.Values }.Where{ $_.Name -match 'Key$|Token|Secret|Password' -and $_.ParameterType -eq [string] } | Should -BeNullOrEmpty
    }

    It 'exposes no type of System.Text.Json' {
        $assembly.GetExportedTypes().ForEach{ $_.GetProperties() }.Where{ "$($_.PropertyType)" -match 'Text\.Json' } | Should -BeNullOrEmpty
        $assembly.GetExportedTypes().Where{ "$($_.BaseType)" -match 'Text\.Json' } | Should -BeNullOrEmpty
    }

    It 'exports the cmdlets of the assembly, and nothing else' {
        Compare-Object $manifest.CmdletsToExport $commands.Name | Should -BeNullOrEmpty
    }

    It 'has no gap in its help' {
        $commands.Where{ (Get-Help $_ -Full | Out-String) -match '\{\{' } | Should -BeNullOrEmpty
    }

    It 'binds no option and no filter from the pipeline' {
        $bound = $commands.ForEach{ $command = $_; $_.Parameters.Values.Where{ $_.Attributes.Where{ $_ -is [Parameter] -and $_.ValueFromPipelineByPropertyName } }.ForEach{ "$($command.Name) -$($_.Name)" } }
        $bound.Where{ $_ -notmatch '^Get-\w+ -(DeploymentId|WorkflowId|MachineId|SessionId|AssetId)$|-LiteralPath$' } | Should -BeNullOrEmpty
    }

    It 'uses one type for all parameters of the same name' {
        $kinds = $commands.ForEach{ $_.Parameters.Values }.Where{ $_.Name -in 'RunId', 'Timeout', 'RequestTimeout', 'Status', 'Environment', 'Gpu', 'Kind' } |
            Group-Object Name | ForEach-Object { [pscustomobject]@{ Name = $_.Name; Types = @($_.Group.ParameterType.FullName.ForEach{ $_ -replace '\[\]$' } | Sort-Object -Unique) } }
        $kinds.Where{ $_.Types.Count -gt 1 } | ForEach-Object { "$($_.Name): $($_.Types)" } | Should -BeNullOrEmpty
    }

    It 'has a default set wherever there are several: <Name>' -ForEach $cmdlets {
        $command = Get-Command $Name
        if ($command.ParameterSets.Count -gt 1) { $command.DefaultParameterSet | Should -Not -BeNullOrEmpty }
    }

    It 'does not conflict with an existing command: <Name>' -ForEach $cmdlets {
        @(Get-Command $Name -All).Count | Should -Be 1
    }

    It 'has -Connection wherever it uses the service: <Name>' -ForEach $cmdlets {
        $isConnected = (Get-Command $Name).ImplementingType.IsSubclassOf([ComfyDeploy.Commands.ConnectedCommand])
        (Get-Command $Name).Parameters.ContainsKey('Connection') | Should -Be ($isConnected -or $Name -eq 'Disconnect-ComfyDeploy')
    }
}

Describe 'Help' {
    It '<Name>: a synopsis, two examples, and a description of every parameter' -ForEach $cmdlets {
        $help = Get-Help $Name -Full
        $help.Synopsis | Should -Not -BeNullOrEmpty
        $help.Synopsis | Should -Not -Match "^\s*$Name" -Because 'the engine makes such a synopsis of the syntax when there is no help'
        @($help.examples.example).Count | Should -BeGreaterOrEqual 2
        $common = [System.Management.Automation.PSCmdlet]::CommonParameters + [System.Management.Automation.PSCmdlet]::OptionalCommonParameters
        $shown = (Get-Command $Name).Parameters.Values.Where{ $_.Name -notin $common -and -not $_.Attributes.Where{ $_ -is [Parameter] -and $_.DontShow } }
        foreach ($parameter in $shown.Name) {
            (Get-Help $Name -Parameter $parameter -ErrorAction Ignore).description.Text | Should -Not -BeNullOrEmpty -Because "-$parameter"
        }
    }

    It 'lists every error ID of the assembly in about_ComfyDeploy_Errors' {
        $ids = $assembly.GetType('ComfyDeploy.ErrorIds').GetFields('NonPublic, Static').Name
        $text = Get-Help about_ComfyDeploy_Errors | Out-String
        $ids.Where{ $text -notmatch "\b$_\b" } | Should -BeNullOrEmpty
    }
}

Describe 'Manifest' {
    It 'is valid' {
        $info = Test-ModuleManifest (Join-Path $ModulePath 'ComfyDeploy.psd1') -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -BeNullOrEmpty
        $info.Version.ToString() | Should -Match '^\d+\.\d+\.\d+$'
    }

    It 'lists its exports, without wildcards' {
        $manifest.CmdletsToExport | Should -Not -Contain '*'
        foreach ($name in 'FunctionsToExport', 'AliasesToExport', 'VariablesToExport') {
            $manifest.Contains($name) | Should -BeTrue -Because $name
            $manifest[$name] | Should -Not -Contain '*'
        }
    }

    It 'has the fields that the gallery requires' {
        foreach ($name in 'Author', 'Description', 'GUID', 'Copyright', 'PowerShellVersion', 'CompatiblePSEditions') { $manifest[$name] | Should -Not -BeNullOrEmpty -Because $name }
        foreach ($name in 'Tags', 'LicenseUri', 'ProjectUri') { $manifest.PrivateData.PSData[$name] | Should -Not -BeNullOrEmpty -Because $name }
        $manifest.PrivateData.PSData.Tags | Where-Object { $_ -match '\s' } | Should -BeNullOrEmpty
        $manifest.RootModule | Should -BeLike '*.dll'
    }

    It 'has the version of its assembly' {
        $version = [System.Diagnostics.FileVersionInfo]::GetVersionInfo((Join-Path $ModulePath 'ComfyDeploy.dll')).FileVersion
        $version | Should -BeLike "$($manifest.ModuleVersion)*"
    }

    It 'lists only files that exist' {
        foreach ($file in @($manifest.FormatsToProcess) + @($manifest.TypesToProcess)) { Join-Path $ModulePath $file | Should -Exist }
    }

    It 'ships only its own files' {
        $names = (Get-ChildItem $ModulePath -Recurse -File).Name
        $names | Should -Contain 'LICENSE'
        $names | Where-Object { $_ -match '\.pdb$|\.deps\.json$|System\.Management\.Automation|PowerShellStandard|xunit|Pester' } | Should -BeNullOrEmpty
    }
}

Describe 'Loading' {
    It 'loads automatically in a new process that has only PSModulePath' {
        $child = Invoke-ChildPwsh 'Get-ComfyConnection; (Get-Module ComfyDeploy).Path; [bool] [System.AppDomain]::CurrentDomain.GetAssemblies().Where{ $_.GetName().Name -eq "ComfyDeploy.Emulator" }'
        $child.Error | Should -BeNullOrEmpty
        $lines = $child.Output -split '\r?\n'
        $lines[0] | Should -BeLike "*ComfyDeploy*"
        $lines[1] | Should -Be 'False' -Because 'the emulator is loaded when it is started, not before'
    }

    It 'can be imported twice, forced, removed, and imported again' {
        $child = Invoke-ChildPwsh @'
Import-Module ComfyDeploy; Import-Module ComfyDeploy; Import-Module ComfyDeploy -Force
$emulator = Start-ComfyEmulator -Speed 0 -Connect
$run = Start-ComfyRun portrait @{ prompt = 'x' }
Remove-Module ComfyDeploy
Import-Module ComfyDeploy
@(Get-Command -Module ComfyDeploy).Count -eq @((Import-PowerShellDataFile (Get-Module ComfyDeploy).Path.Replace('.dll', '.psd1')).CmdletsToExport).Count
($run | Get-ComfyRun).RunId -eq $run.RunId
$run | Format-Table | Out-String -Width 120
'@
        $child.Error | Should -BeNullOrEmpty
        ($child.Output -split '\r?\n')[0..1] | Should -Be 'True', 'True'
        $child.Output | Should -Match 'RunId +DeploymentName +Status'
    }

    It 'uses the System.Text.Json of the host' {
        $child = Invoke-ChildPwsh '$null = Start-ComfyEmulator -Connect; $null = Get-ComfyDeployment; [System.Text.Json.JsonSerializer].Assembly.Location; (Get-Process -Id $PID).Path'
        $lines = $child.Output -split '\r?\n'
        $lines[0] | Should -Not -BeLike "*ComfyDeploy*"
    }

    It 'has its own cmdlets only' {
        $module.ExportedFunctions.Count + $module.ExportedAliases.Count + $module.ExportedVariables.Count | Should -Be 0
    }
}

Describe 'References' {
    It 'has a public constructor that takes text, and equals its text' {
        $reference = [ComfyDeploy.ComfyReference]::new('portrait')
        "$reference" | Should -Be 'portrait'
        $reference -eq 'PORTRAIT' | Should -BeTrue
        $reference.Equals([ComfyDeploy.ComfyReference]::new('Portrait')) | Should -BeTrue
    }

    It 'can be mocked by its text' {
        Mock Get-ComfyRun { 'mocked' } -ParameterFilter { $RunId -eq 'x' }
        Get-ComfyRun 'x' | Should -Be 'mocked'
    }
}

Describe 'Durations' {
    BeforeAll {
        $emulator = New-TestEmulator
        # Connect-ComfyDeploy keeps the value, so the connection shows how a text was parsed.
        function Read-Duration {
            [CmdletBinding()]
            param([string] $Text)
            $connection = Invoke-Command ([scriptblock]::Create("Connect-ComfyDeploy -Name probe -ApiKey `$args[0] -BaseUri `$args[1] -SkipCheck -PassThru -RequestTimeout $Text")) -ArgumentList $emulator.ApiKey, $emulator.BaseUri
            $connection.RequestTimeout.TotalSeconds
        }
    }

    It '<Text> is <Seconds> s' -ForEach @(
        @{ Text = '30'; Seconds = 30 }
        @{ Text = "'30'"; Seconds = 30 }
        @{ Text = '1.5'; Seconds = 1.5 }
        @{ Text = '90s'; Seconds = 90 }
        @{ Text = "'90s'"; Seconds = 90 }
        @{ Text = '500ms'; Seconds = 0.5 }
        @{ Text = '10m'; Seconds = 600 }
        @{ Text = '1.5h'; Seconds = 5400 }
        @{ Text = '2d'; Seconds = 172800 }
        @{ Text = '2D'; Seconds = 172800 }
        @{ Text = "'2 d'"; Seconds = 172800 }
        @{ Text = '00:10:00'; Seconds = 600 }
        @{ Text = "'1.00:00:00'"; Seconds = 86400 }
        @{ Text = '([timespan]::FromMinutes(3))'; Seconds = 180 }
        @{ Text = '(5 * 6)'; Seconds = 30 }
        @{ Text = '([double] 2.5)'; Seconds = 2.5 }
    ) { Read-Duration $Text | Should -Be $Seconds }

    It '<_> is rejected' -ForEach '10:00', '-5', "''", 'soon', '1y', '1kb', '0x10', '$null', '([timespan]::FromSeconds(-1))', '99999999999d', "'1,5h'" {
        { Read-Duration $_ } | Should -Throw
    }

    It '<_> is rejected with the valid forms' -ForEach '10:00', 'soon' {
        { Read-Duration $_ } | Should -Throw '*90s, 10m, 1.5h, 2d*' -ErrorId 'ParameterArgumentTransformationError,*'
    }

    It 'reads a decimal point in any culture' {
        $child = Invoke-ChildPwsh @'
[cultureinfo]::CurrentCulture = 'de-DE'
$key = ConvertTo-SecureString 'x' -AsPlainText
(Connect-ComfyDeploy $key -SkipCheck -PassThru -RequestTimeout 1.5h).RequestTimeout.ToString('c')
(Connect-ComfyDeploy $key -SkipCheck -PassThru -RequestTimeout 1.5).RequestTimeout.ToString('c')
(Connect-ComfyDeploy $key -SkipCheck -PassThru -RequestTimeout '2.5').RequestTimeout.ToString('c')
'@
        $child.Output -split '\r?\n' | Should -Be '01:30:00', '00:00:01.5000000', '00:00:02.5000000'
    }
}
